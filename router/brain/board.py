"""The scoreboard: what the rest of the system may know of the brain, and its octets."""

from typing import Final

import msgspec
import numpy as np

from router.brain.ages import sums
from router.brain.breaker import CLOSED
from router.brain.expected import cells, curves
from router.brain.fallen import places_of
from router.brain.ledger import CARRIER
from router.brain.networks import WORLD
from router.brain.port import Board, CarrierView
from router.brain.probes import probes
from router.brain.state import BrainState

BOARD_VERSION: Final = 2  # since 2 with cells as columns

_encoder = msgspec.msgpack.Encoder()
_envelopes = msgspec.msgpack.Decoder(tuple[int, msgspec.Raw])
_decoder = msgspec.msgpack.Decoder(Board)


class UnreadableBoard(ValueError):
    """Octets that are no board of this release."""


def board(state: BrainState, now: float, *, with_curves: bool = False) -> Board:
    """A new board, one version after the last.

    Cells: every pair observed; every pair of a known carrier and a known network while they are few; each carrier in each of
    its countries ("carrier|MCC|class") and in the world ("carrier|*|class"), for networks never seen.
    """
    state.version += 1
    return Board(
        version=state.version,
        at_s=now,
        carriers=_views(state),
        cells=cells(state),
        counters=dict(state.counters),
        probes=probes(state, now),
        reporters=tuple(sorted(state.evidence.trust.reporters)) if state.evidence.doubted() else (),
        curves=curves(state) if with_curves else b"",
    )


def board_to_bytes(item: Board) -> bytes:
    """Versioned msgpack."""
    return _encoder.encode((BOARD_VERSION, item))


def board_from_bytes(octets: bytes) -> Board:
    """Read a board; raises ``UnreadableBoard``. Fields added by later releases are ignored."""
    try:
        version, raw = _envelopes.decode(octets)
        if version != BOARD_VERSION:
            raise UnreadableBoard(f"it is of version {version}, and this release reads {BOARD_VERSION}")
        return _decoder.decode(raw)
    except msgspec.DecodeError as error:
        raise UnreadableBoard(str(error)) from error


def _views(state: BrainState) -> dict[str, CarrierView]:
    """Each carrier's breaker, counts and suspicion."""
    ledger = state.ledger
    waiting = sums(ledger.of[CARRIER, : ledger.rows], ledger.cohorts.pending()[: ledger.rows], len(ledger.carriers))
    suspects = _suspect_carriers(state)
    trusts = state.evidence.least()
    views = {}
    for name, tally in state.tallies.items():
        breaker = state.breakers[name]
        number = ledger.carriers.index.get((name,))
        views[name] = CarrierView(
            name=name,
            breaker=breaker.state,
            breaker_until_s=breaker.until_s,
            reason="" if breaker.state == CLOSED else breaker.reason,
            suspect=name in suspects,
            submitted=tally.submitted,
            delivered=tally.delivered,
            undelivered=tally.undelivered,
            pending=0.0 if number is None else max(float(waiting[number]), 0.0),
            trust=trusts.get(name, 1.0),
            unheard=_unheard(state, name),
        )
    return views


def _unheard(state: BrainState, carrier: str) -> str:
    """Where the carrier's receipts are lost: the widest place, or the first of several."""
    lost = sorted(
        (step, name[1:]) for (step, name), hearing in state.evidence.hearings.items() if hearing.lost and name[0] == carrier
    )
    return (lost[0][1] or (WORLD,))[0] if lost else ""


def _suspect_carriers(state: BrainState) -> set[str]:
    """Carriers with a suspicion at any level."""
    ledger = state.ledger
    return {
        level.names[place][0]
        for level, detector in zip(places_of(ledger), state.detectors, strict=True)
        for place in np.flatnonzero(np.isfinite(detector.suspect_s)).tolist()
    }
