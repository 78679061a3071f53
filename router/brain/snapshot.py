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
from router.brain.ledger import Ledger
from router.brain.state import BrainState, Tally, estimate, tick

SNAPSHOT_VERSION: Final = 2
_COLUMNS: Final = ("s", "f", "t", "n", "seen", "expected", "came", "lived", "back", "born_s", "first_s", "used_s", "watch_s")
_DETECTOR: Final = ("score", "seen", "expected", "rising_s", "over_s", "rate", "suspect_s", "phi", "back", "rose_s", "trials")


class UnreadableSnapshot(ValueError):
    """Octets that are no snapshot of this release."""


def pack_state(state: BrainState) -> bytes:
    """State to octets."""
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
            "cohorts": [_pack(cohorts.starts), _pack(cohorts.widths), _pack(cohorts.counts[: len(cohorts.starts), :used])],
            "merged_s": cohorts.merged_s,
            "detectors": [{name: _pack(getattr(item, name)) for name in _DETECTOR} for item in state.detectors],
            "breakers": {name: {key: getattr(item, key) for key in Breaker.__slots__} for name, item in state.breakers.items()},
            "tallies": {name: [item.submitted, item.delivered, item.undelivered] for name, item in state.tallies.items()},
            "counters": state.counters,
        }
    )
    return packed


def unpack_state(octets: bytes) -> BrainState:
    """Octets to the state they were made from; raises ``UnreadableSnapshot``."""
    try:
        found = msgpack.unpackb(octets)
        readable = isinstance(found, dict) and found.get("version") == SNAPSHOT_VERSION
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
    estimate(state)
    return state


def _read_ledger(found: dict[str, Any], ledger: Ledger) -> None:
    used = ledger.rows
    for name in _COLUMNS:
        getattr(ledger, name)[:used] = _unpack(found["columns"][name])
    starts, widths, packed = (_unpack(column) for column in found["cohorts"])
    counts = np.zeros((len(starts), len(ledger.n)))
    counts[:, :used] = packed
    ledger.cohorts.replace(starts, widths, counts)
    ledger.cohorts.merged_s = found["merged_s"]


def _read_detector(item: Detector, packed: dict[str, Any]) -> None:
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
