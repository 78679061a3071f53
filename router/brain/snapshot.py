"""The brain's memory as octets that outlive the process: versioned msgpack, unknown keys tolerated.

Arrays travel as places and little-endian float64 values of what is not zero. A snapshot holds everything, so that reading it gives the state back exactly; ``resume`` then
says what a restart makes of it: nobody knows which receipts came in between.
"""

from typing import Any, Final

import msgpack
import numpy as np

from router.brain.ages import Floats
from router.brain.breaker import Breaker
from router.brain.change import Detector
from router.brain.cohorts import Cohorts
from router.brain.doubt import COLUMNS as DOUBT
from router.brain.evidence import Evidence
from router.brain.fresh import COLUMNS as FRESH
from router.brain.hearing import Hearing
from router.brain.lately import COLUMNS as LATELY
from router.brain.ledger import Ledger
from router.brain.season import COLUMNS as SEASON
from router.brain.season import Season
from router.brain.state import BrainState, Tally, estimate, tick
from router.brain.trust import BINNED, COLUMNS, Conversion

SNAPSHOT_VERSION: Final = 3  # since 3 with "evidence"
READABLE: Final = frozenset({2, SNAPSHOT_VERSION})
_COLUMNS: Final = ("s", "f", "t", "n", "seen", "expected", "came", "lived", "back", "born_s", "first_s", "used_s", "watch_s")
_DETECTOR: Final = (
    "score",
    "seen",
    "expected",
    "rising_s",
    "over_s",
    "rate",
    "suspect_s",
    "phi",
    "back",
    "rose_s",
    "trials",
    "late",
    "silent_s",
)


class UnreadableSnapshot(ValueError):
    """Octets that are no snapshot of this release."""


def pack_state(state: BrainState) -> bytes:
    """State to octets. Its habits are estimated anew, as those of the state that is read will be."""
    estimate(state, anew=True)
    ledger = state.ledger
    cohorts, used = ledger.cohorts, ledger.rows
    packed: bytes = msgpack.packb(
        {
            "version": SNAPSHOT_VERSION,
            "board": state.version,
            "deadlines_s": state.deadlines_s,
            "at_s": ledger.at_s,
            "since_s": ledger.since_s,
            "cells": list(ledger.keys),  # in the order of their rows
            "columns": {name: _pack(getattr(ledger, name)[:used]) for name in _COLUMNS},
            "cohorts": _pack_cohorts(cohorts, used),
            "merged_s": cohorts.merged_s,
            "fresh": [ledger.fresh.at_s, ledger.fresh.last, *(_pack(getattr(ledger.fresh, name)[:, :used]) for name in FRESH)],
            "detectors": [{name: _pack(getattr(item, name)) for name in _DETECTOR} for item in state.detectors],
            "breakers": {name: {key: getattr(item, key) for key in Breaker.__slots__} for name, item in state.breakers.items()},
            "tallies": {name: [item.submitted, item.delivered, item.undelivered] for name, item in state.tallies.items()},
            "counters": state.counters,
            "evidence": _pack_evidence(state.evidence),
            "season": _pack_season(state.season),
        }
    )
    return packed


def unpack_state(octets: bytes) -> BrainState:
    """Octets to the state they were made from; raises ``UnreadableSnapshot``."""
    try:
        found = msgpack.unpackb(octets)
        readable = isinstance(found, dict) and found.get("version") in READABLE
        state = _read(found) if readable else None
    except (msgpack.UnpackException, ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise UnreadableSnapshot(repr(error)) from error
    if state is None:
        raise UnreadableSnapshot("not a snapshot of this version")
    return state


def resume(state: BrainState, now: float) -> None:
    """Go on after a restart: what was waiting leaves the ledger, since its receipts may have come while nobody listened."""
    ledger = state.ledger
    ledger.cohorts.forget(np.arange(ledger.rows))
    ledger.fresh.forget(np.arange(ledger.rows))
    trust = state.evidence.trust
    trust.given.forget(np.arange(trust.rows))
    trust.sent.forget(np.arange(trust.rows))
    trust.lately.forget(np.arange(trust.rows))
    ledger.since_s = now
    ledger.born_s[: ledger.rows] = now
    tick(state, now)


def _read(found: dict[str, Any]) -> BrainState:
    state = BrainState(found["at_s"], found["deadlines_s"])
    state.version = found["board"]
    state.counters.update(found["counters"])
    ledger = state.ledger
    ledger.since_s = found["since_s"]
    for carrier, network, group in found["cells"]:
        ledger.row(carrier, network, group, 0.0)
    _read_ledger(found, ledger)
    for item, packed in zip(state.detectors, found["detectors"], strict=True):
        _read_detector(item, packed)
    for name, counts in found["tallies"].items():
        tally: Tally = state.tally(name)
        tally.submitted, tally.delivered, tally.undelivered = counts
    for name, fields in found["breakers"].items():
        state.tally(name)
        for key in Breaker.__slots__:
            if key in fields:
                setattr(state.breakers[name], key, fields[key])
    if "evidence" in found:
        _read_evidence(found["evidence"], state.evidence)
    else:
        state.evidence.trust.at_s = found["at_s"]
    state.season.begin(ledger)
    if "season" in found:
        _read_season(found["season"], state.season)
    estimate(state)
    state.evidence.spotless.begin(ledger)
    return state


def _read_ledger(found: dict[str, Any], ledger: Ledger) -> None:
    used = ledger.rows
    for name in _COLUMNS:
        getattr(ledger, name)[:used] = _unpack(found["columns"][name])
    _read_cohorts(found["cohorts"], found["merged_s"], ledger.cohorts, len(ledger.n), used)
    if "fresh" in found:
        ledger.fresh.at_s, ledger.fresh.last, *columns = found["fresh"]
        for name, column in zip(FRESH, columns, strict=True):
            getattr(ledger.fresh, name)[:, :used] = _unpack(column)


def _pack_evidence(evidence: Evidence) -> dict[str, Any]:
    trust = evidence.trust
    used = trust.rows
    return {
        "at_s": trust.at_s,
        "reporters": trust.reporters,
        "silenced": trust.silenced,
        "rows": list(trust.keys),
        "columns": {name: _pack(getattr(trust, name)[:used]) for name in (*COLUMNS, *BINNED)},
        "curves": [_pack(trust.after), _pack(trust.ages)],
        "given": [*_pack_cohorts(trust.given, used), trust.given.merged_s],
        "sent": [*_pack_cohorts(trust.sent, used), trust.sent.merged_s],
        "told": trust.told,
        "lately": [trust.lately.last, *(_pack(getattr(trust.lately, name)[:, :used]) for name in LATELY)],
        "doubts": [{name: _pack(getattr(doubt, name)) for name in DOUBT} for doubt in evidence.doubts],
        "factors": [_pack(factor) for factor in evidence.factors],
        "hearings": [[step, name, hearing.pack()] for (step, name), hearing in evidence.hearings.items()],
        "spotless": evidence.spotless.score,
        "spotless_since": evidence.spotless.begun_s,
    }


def _read_evidence(found: dict[str, Any], evidence: Evidence) -> None:
    trust = evidence.trust
    trust.at_s = found["at_s"]
    trust.reporters.update(found["reporters"])
    trust.silenced.update(found["silenced"])
    for carrier, network, tenant in found["rows"]:
        trust.row(carrier, network, tenant)
    used = trust.rows
    for name in (*COLUMNS, *BINNED):
        if name in found["columns"]:
            getattr(trust, name)[:used] = _unpack(found["columns"][name])
    trust.after, trust.ages = (_unpack(curve) for curve in found["curves"])
    for cohorts, packed in ((trust.given, found["given"]), (trust.sent, found["sent"])):
        _read_cohorts(packed[:3], packed[3], cohorts, len(trust.o), used)
    if "lately" in found:
        trust.lately.last, *columns = found["lately"]
        for name, column in zip(LATELY, columns, strict=True):
            getattr(trust.lately, name)[:, :used] = _unpack(column)
    trust.told = [Conversion(*one) for one in found["told"]]
    for doubt, packed in zip(evidence.doubts, found["doubts"], strict=True):
        for name in DOUBT:  # the score first, and of a snapshot from before there was one of the others, as many zeros
            setattr(doubt, name, _unpack(packed[name]) if name in packed else np.zeros(len(doubt.score)))
    evidence.factors = tuple(_unpack(factor) for factor in found["factors"])
    evidence.hearings = {(step, tuple(name)): Hearing.unpack(fields) for step, name, fields in found["hearings"]}
    evidence.spotless.score = found["spotless"]
    evidence.spotless.begun_s = found.get("spotless_since", {})


def _pack_season(season: Season) -> dict[str, Any]:
    # What the ledger took in since the last look, of the day's thousandth at most, is not kept.
    columns = {name: _pack(getattr(season, name)) for name in SEASON}
    factor = None if season.factor is None else _pack(season.factor)
    return {"began_s": season.began_s, "day_s": season.day_s, "slot": season.slot, "columns": columns, "factor": factor}


def _read_season(found: dict[str, Any], season: Season) -> None:
    season.began_s, season.day_s, season.slot = found["began_s"], found["day_s"], found["slot"]
    for name in SEASON:
        if name in found["columns"]:
            setattr(season, name, _unpack(found["columns"][name]))
    season.factor = None if found["factor"] is None else _unpack(found["factor"])


def _pack_cohorts(cohorts: Cohorts, used: int) -> list[Any]:
    return [_pack(cohorts.starts), _pack(cohorts.widths), _pack(cohorts.counts[: len(cohorts.starts), :used])]


def _read_cohorts(found: list[Any], merged_s: float, cohorts: Cohorts, width: int, used: int) -> None:
    starts, widths, packed = (_unpack(column) for column in found)
    counts = np.zeros((len(starts), width))
    counts[:, :used] = packed
    cohorts.replace(starts, widths, counts)
    cohorts.merged_s = merged_s


def _read_detector(item: Detector, packed: dict[str, Any]) -> None:
    item.grow(packed["rate"][0][0])  # columns that an earlier release did not know begin empty
    for name in _DETECTOR:
        if name in packed:
            setattr(item, name, _unpack(packed[name]))


def _pack(values: Floats) -> list[Any]:
    """Shape, then the places and the octets of what is not zero: most cells have no messages in most slices of time."""
    flat = values.ravel()
    places = np.flatnonzero(flat)
    return [list(values.shape), places.astype("<u4").tobytes(), flat[places].astype("<f8").tobytes()]


def _unpack(packed: list[Any]) -> Floats:
    shape, places, octets = packed
    flat = np.zeros(int(np.prod(shape)))
    flat[np.frombuffer(places, dtype="<u4")] = np.frombuffer(octets, dtype="<f8")
    return flat.reshape(shape)
