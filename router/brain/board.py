"""The scoreboard: what the rest of the system may know of the brain, and its octets."""

from typing import Final

import msgspec
import numpy as np

from router.brain.ages import BINS, CLASSES, GROUP_OF, GROUPS, Floats, Ints, sums
from router.brain.breaker import CLOSED
from router.brain.curves import curve, hazards
from router.brain.fallen import places_of
from router.brain.ledger import CARRIER, COUNTRY, GROUP, NETWORK, ROUTE, Ledger
from router.brain.networks import WORLD
from router.brain.port import Board, CarrierView, Cell
from router.brain.probes import probes
from router.brain.shrink import CELL_COUNT, Habit
from router.brain.state import BrainState, estimate

BOARD_VERSION: Final = 1
PAIRS_LIMIT: Final = 8_192  # pairs of carrier and network published without observations; above it, fall-backs must do

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(tuple[int, Board])


class UnreadableBoard(ValueError):
    """Octets that are no board of this release."""


def board(state: BrainState, now: float) -> Board:
    """A new board, one version after the last.

    Cells: every pair observed; every pair of a known carrier and a known network while they are few; each carrier in each of
    its countries ("carrier|MCC|class") and in the world ("carrier|*|class"), for networks never seen.
    """
    state.version += 1
    return Board(
        version=state.version,
        at_s=now,
        carriers=_views(state),
        cells=_cells(state),
        counters=dict(state.counters),
        probes=probes(state, now),
    )


def board_to_bytes(item: Board) -> bytes:
    """Versioned msgpack."""
    return _encoder.encode((BOARD_VERSION, item))


def board_from_bytes(octets: bytes) -> Board:
    """Read a board; raises ``UnreadableBoard``. Fields added by later releases are ignored."""
    try:
        version, item = _decoder.decode(octets)
    except msgspec.DecodeError as error:
        raise UnreadableBoard(str(error)) from error
    if version != BOARD_VERSION:
        raise UnreadableBoard(f"version {version}")
    return item


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


class _Pairs:
    """Carrier and scope of each cell to publish, as numbers into the factors; -1 where a factor does not apply."""

    def __init__(self, ledger: Ledger) -> None:
        self.keys: list[str] = []
        carriers: list[int] = []
        networks: list[int] = []
        markets: list[int] = []
        routes: list[int] = []
        named = set(ledger.routes.index)
        if len(ledger.carriers) * len(ledger.networks) <= PAIRS_LIMIT:
            named.update((carrier, network) for (carrier,) in ledger.carriers.names for (network,) in ledger.networks.names)
        country_of = dict(
            zip(ledger.of[NETWORK, : ledger.rows].tolist(), ledger.of[COUNTRY, : ledger.rows].tolist(), strict=True)
        )
        for carrier, network in sorted(named):
            place = ledger.networks.index[network,]
            (country,) = ledger.countries.names[country_of[place]]
            self.keys.append(f"{carrier}|{network}|")
            carriers.append(ledger.carriers.index[carrier,])
            networks.append(place)
            markets.append(ledger.markets.index.get((carrier, country), -1))
            routes.append(ledger.routes.index.get((carrier, network), -1))
        wider = [pair for pair in ledger.markets.names if pair not in named] + [
            (name, WORLD) for (name,) in ledger.carriers.names
        ]
        for carrier, scope in wider:
            self.keys.append(f"{carrier}|{scope}|")
            carriers.append(ledger.carriers.index[carrier,])
            networks.append(-1)
            markets.append(ledger.markets.index.get((carrier, scope), -1))
            routes.append(-1)
        self.carrier, self.network = np.array(carriers, dtype=np.int64), np.array(networks, dtype=np.int64)
        self.market, self.route = np.array(markets, dtype=np.int64), np.array(routes, dtype=np.int64)


def _cells(state: BrainState) -> dict[str, Cell]:
    """All cells, computed as columns."""
    ledger = state.ledger
    if not ledger.rows:
        return {}
    found = state.habits
    if found is None or len(found.positive.cell) != ledger.rows:
        found = estimate(state)
    pairs = _Pairs(ledger)
    fallen = np.ones((len(pairs.keys), BINS))
    for factor, places in zip(state.fallen, (pairs.carrier, pairs.market, pairs.route), strict=True):
        fallen *= factor[places]
    worth = _worth(state, pairs)
    cells: dict[str, Cell] = {}
    for group in range(GROUPS):
        row = _rows_of(ledger, pairs, group)
        mu, nu = hazards(fallen * _rate(found.positive, pairs, row, group), _rate(found.negative, pairs, row, group))
        weight = np.where(row >= 0, ledger.n[row], 0.0)
        for klass in CLASSES:
            if GROUP_OF[klass] == group:
                p, wait_s = curve(mu, nu, state.deadlines_s[klass])
                if worth is not None:  # a receipt that is worth nothing is a message that never arrives
                    p, wait_s = worth * p, worth * wait_s + (1.0 - worth) * state.deadlines_s[klass]
                sd = np.sqrt(np.maximum(p * (1.0 - p), 1e-4) / (weight + CELL_COUNT))
                tail = str(int(klass))
                columns = map(Cell, p.tolist(), wait_s.tolist(), weight.tolist(), sd.tolist())
                cells.update(zip([key + tail for key in pairs.keys], columns, strict=True))
    return cells


def _worth(state: BrainState, pairs: _Pairs) -> Floats | None:
    """What the receipts of each pair are worth; None: all that they say, everywhere."""
    if all((factor == 1.0).all() for factor in state.evidence.factors):
        return None
    by_carrier = state.evidence.worths(state.ledger.carriers, 0)
    by_market = state.evidence.worths(state.ledger.markets, 1)
    return np.minimum(by_carrier[pairs.carrier], by_market[pairs.market])


def _rows_of(ledger: Ledger, pairs: _Pairs, group: int) -> Ints:
    """The ledger's row of each pair in a group, -1 where nothing was observed."""
    rows = np.full(len(ledger.routes) + 1, -1)  # the last one is for the pairs without a route
    mine = np.flatnonzero(ledger.of[GROUP, : ledger.rows] == group)
    rows[ledger.of[ROUTE, mine]] = mine
    result: Ints = rows[pairs.route]
    return result


def _rate(habit: Habit, pairs: _Pairs, row: Ints, group: int) -> Floats:
    """The product of the multipliers that apply: (pairs, BINS)."""
    factor = np.where(pairs.network >= 0, habit.network[pairs.network * GROUPS + group], 1.0)
    factor = factor * np.where(pairs.market >= 0, habit.market[pairs.market * GROUPS + group], 1.0)
    factor = factor * np.where(row >= 0, habit.cell[row], 1.0)
    by_age = habit.both[pairs.carrier] * habit.age[pairs.carrier * GROUPS + group]
    result: Floats = habit.world[group] * by_age * factor[:, None]
    return result
