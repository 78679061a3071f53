"""The brain's state and what changes it: observations and the passing of time."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from router.brain.ages import DEADLINES_S, GROUP_OF, Floats, Ints, sums
from router.brain.breaker import REFUSING, SILENT, Breaker
from router.brain.change import DOWN, Alarm, Detector, knownness
from router.brain.evidence import Evidence, Place
from router.brain.fallen import LEVELS, cover, known_places, multipliers, places_of, rows_of
from router.brain.ledger import CARRIER, Ledger
from router.brain.port import Observation, Outcome
from router.brain.season import DAY_S, Season, seasoned
from router.brain.shrink import Habits, habits

KEEP: Final = 150.0  # effective observations that survive an alarm: enough to start from, little enough to unlearn
ESTIMATE_S: Final = 2.0  # between estimates of the habits, which take most of a tick
ESTIMATE_SHARE: Final = 0.01  # of what the ledger knows: sooner, when so much has been seen since
SUSPICION_S: Final = 1_800.0  # a suspect that never recovers is the new normal
# Looked up once: reading them from the enum's class costs as much as a dictionary look-up, for each observation.
_SUBMITTED: Final = Outcome.SUBMITTED
_DELIVERED: Final = Outcome.DELIVERED
_CONVERTED: Final = Outcome.CONVERTED
_RECEIPTS: Final = (Outcome.DELIVERED, Outcome.UNDELIVERED)  # a tuple: an enum's hash runs Python code


class Tally:
    """Plain counts of one carrier, since the brain knows it, second attempts included."""

    __slots__ = ("delivered", "submitted", "undelivered")

    def __init__(self) -> None:
        self.submitted = 0
        self.delivered = 0
        self.undelivered = 0


class BrainState:
    """All that the brain remembers. ``deadlines_s`` by class: what "in time" means on its boards; ``day_s``: after which habits of the time come again."""

    __slots__ = (
        "breakers",
        "counters",
        "deadlines_s",
        "detectors",
        "estimated",
        "estimated_s",
        "evidence",
        "fallen",
        "habits",
        "ledger",
        "season",
        "tallies",
        "told",
        "unseasoned",
        "version",
    )

    def __init__(self, now: float, deadlines_s: Sequence[float] = DEADLINES_S, day_s: float = DAY_S) -> None:
        self.deadlines_s = tuple(deadlines_s)
        self.ledger = Ledger(now)
        self.season = Season(now, day_s)
        self.evidence = Evidence(now)
        self.detectors = tuple(Detector() for _ in LEVELS)
        self.breakers: dict[str, Breaker] = {}
        self.tallies: dict[str, Tally] = {}
        self.counters = {"alarms_down": 0, "alarms_up": 0, "epochs": 0, "observations": 0}
        self.version = 0
        self.habits: Habits | None = None  # None: not computed for what the ledger holds
        self.estimated_s = now  # when they were, and for which rows and epochs
        self.estimated = (0, 0)
        self.told = 0  # observations until then
        self.fallen: tuple[Floats, ...] = ()  # its multipliers of fallen places, level by level
        # By row: early receipts that were expected at the last tick without the season, for each one expected; None: there is none.
        self.unseasoned: Floats | None = None

    def tally(self, carrier: str) -> Tally:
        """The carrier's counts; a carrier never seen is known from here on."""
        found = self.tallies.get(carrier)
        if found is None:
            found = self.tallies[carrier] = Tally()
            self.breakers[carrier] = Breaker()
        return found


def observe(state: BrainState, batch: Sequence[Observation], now: float) -> None:
    """Take in a batch, in the order in which things were seen. ``now`` opens and closes breakers; the ledger uses ``at_s``."""
    # A submit is seen when it is answered; ``age_s`` before, it was written, and from then on its receipts count their age.
    ledger = state.ledger
    keys, tallies, breakers = ledger.keys, state.tallies, state.breakers
    submitted: list[int] = []
    submitted_s: list[float] = []
    ended: list[int] = []
    ended_s: list[tuple[float, float]] = []
    positive: list[bool] = []
    reporters = state.evidence.trust.reporters
    told: list[Observation] = []
    for item in batch:
        at_s, carrier, network, klass, outcome, age_s, first, tenant, _ = item
        tally = tallies.get(carrier) or state.tally(carrier)
        if outcome == _SUBMITTED:
            tally.submitted += 1
            breaker = breakers[carrier]
            if not breaker.quiet:
                breaker.taken(at_s)
            if first:
                row = keys.get((carrier, network, GROUP_OF[klass]))
                submitted.append(ledger.row(carrier, network, GROUP_OF[klass], at_s - age_s) if row is None else row)
                submitted_s.append(at_s - age_s)
                if tenant in reporters:
                    told.append(item)
        elif outcome in _RECEIPTS:
            good = outcome == _DELIVERED
            if good:
                tally.delivered += 1
            else:
                tally.undelivered += 1
            if first:
                row = keys.get((carrier, network, GROUP_OF[klass]))
                ended.append(ledger.row(carrier, network, GROUP_OF[klass], at_s - age_s) if row is None else row)
                ended_s.append((at_s, age_s))
                positive.append(good)
                if good and tenant in reporters:
                    told.append(item)
        elif outcome >= _CONVERTED:
            told.append(item)
        else:
            _tell_breaker(breakers[carrier], outcome, at_s, now)
    state.counters["observations"] += len(batch)
    if told:
        state.evidence.observe(told, now)
    if submitted:
        ledger.submitted(np.array(submitted), np.array(submitted_s))
    if ended:
        times = np.array(ended_s)
        ledger.ended(np.array(ended), times[:, 0], times[:, 1], np.array(positive))


def tick(state: BrainState, now: float) -> None:
    """Let time pass: exposure, discount, breakers, detectors, and the estimates for what comes next. Call it about once a second."""
    for breaker in state.breakers.values():
        breaker.tick(now)
    ledger = state.ledger
    lapse_s = now - ledger.at_s
    if lapse_s > 0:
        ledger.advance(now)
        state.season.look(ledger, state.habits)
        _detect(state, now, lapse_s)
        state.evidence.tick(now, _suspects(state), ledger, state.habits)
    estimate(state)


def _outdated(state: BrainState) -> bool:
    """Whether the habits are of another time: they change when a row or an epoch begins, and with what is seen."""
    ledger, told = state.ledger, state.counters["observations"]
    if state.estimated != (ledger.rows, state.counters["epochs"]) or ledger.at_s - state.estimated_s >= ESTIMATE_S:
        return True
    return told - state.told > ESTIMATE_SHARE * float(ledger.n[: ledger.rows].sum())


def estimate(state: BrainState, *, anew: bool = False) -> Habits:
    """The rates of what the ledger holds: its habits, if they are of another time or ``anew``, and what has fallen below them."""
    if state.habits is None or anew or _outdated(state):
        state.habits = habits(state.ledger)
        state.estimated, state.estimated_s = (state.ledger.rows, state.counters["epochs"]), state.ledger.at_s
        state.told = state.counters["observations"]
    for detector, names in zip(state.detectors, places_of(state.ledger), strict=True):
        detector.grow(len(names))
    rate, state.unseasoned = seasoned(state.season, state.ledger, state.habits.positive.rate)
    state.fallen = multipliers(state.ledger, state.detectors, rate)
    state.evidence.excuse(state.fallen, places_of(state.ledger))
    return state.habits


def _suspects(state: BrainState) -> set[Place]:
    """The places under suspicion, where anybody reports conversions."""
    if state.evidence.idle:
        return set()
    return {
        (step, names.names[place])
        for step, (names, detector) in enumerate(zip(places_of(state.ledger), state.detectors, strict=True))
        for place in np.flatnonzero(np.isfinite(detector.suspect_s)).tolist()
    }


def _tell_breaker(breaker: Breaker, outcome: Outcome, at_s: float, now: float) -> None:
    match outcome:
        case Outcome.REFUSED:
            breaker.fault(now, REFUSING)
        case Outcome.UNANSWERED:
            breaker.fault(now, SILENT)
        case Outcome.LINK_DOWN:
            breaker.link_down(at_s)
        case Outcome.LINK_UP:
            breaker.link_up(at_s)
        case Outcome.REFUSED_OTHER if not breaker.quiet:
            breaker.taken(at_s)
        case _:
            pass


def _detect(state: BrainState, now: float, lapse_s: float) -> None:
    """Run the detectors on what was seen since the last tick, and begin new epochs where they alarm."""
    ledger = state.ledger
    used = ledger.rows
    trust = knownness(ledger.n[:used], ledger.first_s[:used], now)
    seen, expected = ledger.seen[:used] * trust, np.maximum(ledger.expected[:used], 0.0) * trust
    plain = (
        None
        if state.unseasoned is None
        else expected * np.append(state.unseasoned, np.ones(max(used - len(state.unseasoned), 0)))
    )
    mature = np.where(ledger.fallen[:used], 0.0, ledger.n[:used] * (trust > 0))
    for step, (level, names, detector) in enumerate(zip(LEVELS, places_of(ledger), state.detectors, strict=True)):
        number, places = ledger.of[level, :used], len(names)
        detector.grow(places)
        for place in np.flatnonzero(detector.suspect_s < now - SUSPICION_S).tolist():
            if not state.evidence.lost(step, names.names[place]):
                _settle(state, step, place, now)
        known, due = sums(number, mature, places), sums(number, expected, places)
        if plain is not None:
            without = sums(number, plain, places)
            due = np.stack((np.minimum(due, without), np.maximum(due, without)))
        alarms = detector.step(sums(number, seen, places), due, known, lapse_s)
        for place in detector.uneasy(known).tolist():
            rows = np.flatnonzero(number == place)
            found = detector.silent(place, ledger.fresh.silence(rows, trust[rows]), now, lapse_s)
            if found is not None and all(place != alarm.place for alarm in alarms):
                alarms.append(found)
        for alarm in alarms:
            rows = np.flatnonzero(number == alarm.place)
            _change(state, step, alarm, rows, now)
            seen[rows] = expected[rows] = 0.0  # told already: the narrower detectors start again
            if plain is not None:
                plain[rows] = 0.0
        risen, anew = detector.judge(sums(number, ledger.back[:used], places))
        for place in anew.tolist():
            ledger.watch(np.flatnonzero(number == place), now)
        for place in risen.tolist():
            _rise(state, step, place, now)
    ledger.seen[:used] = ledger.expected[:used] = ledger.back[:used] = 0.0


def _change(state: BrainState, step: int, alarm: Alarm, rows: Ints, now: float) -> None:
    """A place without suspicion changed: it falls, or it has become better than it ever was."""
    ledger, detector = state.ledger, state.detectors[step]
    if alarm.way == DOWN:
        ledger.fall(rows, alarm.ratio, now - alarm.since_s, now)
        cover(ledger, state.detectors, step, rows)
        detector.suspect(alarm.place, alarm.ratio, now)
        state.evidence.fell((step, places_of(ledger)[step].names[alarm.place]), now - alarm.since_s)
        state.counters["alarms_down"] += 1
    else:
        ledger.settle(rows[~ledger.fallen[rows]], np.array(max(alarm.ratio, 1.0)), KEEP, now)
        state.counters["alarms_up"] += 1
    _restart(state, rows)


def _rise(state: BrainState, step: int, place: int, now: float) -> None:
    """A suspect is back."""
    rows = rows_of(state.ledger, LEVELS[step], place)
    state.ledger.rise(rows, KEEP, now)
    state.detectors[step].acquit(np.array([place]))
    state.detectors[step].rose_s[place] = now
    state.counters["alarms_up"] += 1
    _restart(state, rows)


def _settle(state: BrainState, step: int, place: int, now: float) -> None:
    """A suspect that did not recover is the new normal."""
    rows = rows_of(state.ledger, LEVELS[step], place)
    if step < len(state.fallen) and place < len(state.fallen[step]) - 1:
        state.ledger.settle(rows, state.fallen[step][place], KEEP, now)
    state.detectors[step].acquit(np.array([place]))
    _restart(state, rows)


def _restart(state: BrainState, rows: Ints) -> None:
    """A new epoch of these rows: all detectors of their carrier start again."""
    if not len(rows):
        return
    state.counters["epochs"] += 1
    ledger = state.ledger
    of_carrier = rows_of(ledger, CARRIER, int(ledger.of[CARRIER, rows[0]]))
    for level, detector in zip(LEVELS, state.detectors, strict=True):
        detector.restart(known_places(ledger.of[level, of_carrier], detector))
