"""What breaks when. Pure: a seed and a length in, faults in order out; the same seed gives the same timetable."""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Final, NamedTuple

from sims.chaos.kinds import EVERYTHING, KINDS, Kind, touch

TRIES: Final = 40  # places looked at for one fault before the next kind has its turn


class InvalidPlan(ValueError):
    """The faults that are wanted do not fit into the time."""


class Planned(NamedTuple):
    """A fault to be."""

    at_s: float  # since the beginning
    kind: str
    hold_s: float
    draw: float  # 0 to 1: which of several victims

    @property
    def until_s(self) -> float:
        """When it is taken away."""
        return self.at_s + self.hold_s

    @property
    def settled_s(self) -> float:
        """When its scope may be touched again."""
        return self.until_s + KINDS[self.kind].settle_s


def make_plan(
    seed: int,
    length_s: float,
    kinds: Sequence[str],
    *,
    gap_s: float = 2.0,
    overlap: bool = True,
    once: bool = False,
    holds: Mapping[str, float] | None = None,
) -> tuple[Planned, ...]:
    """Faults over ``length_s``, each of ``kinds`` at least once, all settled at the end.

    ``gap_s``: so long after a fault begins, no other one does. Faults whose scopes touch never overlap; with ``overlap`` false no
    two do. ``once``: of each kind one, and no more. ``holds`` replaces how long faults of a kind last. Raises ``InvalidPlan``.
    """
    rng = Random(seed)  # noqa: S311 (seeded, not secret)
    unknown = [name for name in kinds if name not in KINDS]
    if unknown or not kinds:
        raise InvalidPlan(f"no such kind of fault: {', '.join(unknown)}" if unknown else "no kind of fault")
    wanted = [_instance(rng, KINDS[name], holds or {}) for name in dict.fromkeys(kinds)]
    rng.shuffle(wanted)
    # The long ones need room. Packed, those that may overlap share the beginning, and those that stand alone follow.
    wanted.sort(key=_length_s, reverse=True)
    plan = _scattered(rng, wanted, length_s, gap_s, overlap=overlap)
    if len(plan) < len(wanted):
        plan = _packed(sorted(wanted, key=lambda fault: KINDS[fault.kind].scope == EVERYTHING), length_s, gap_s, overlap=overlap)
    names = list(dict.fromkeys(kinds))
    weights = [KINDS[name].weight for name in names]
    misses = 0
    while misses < TRIES and not once:
        fault = _instance(rng, KINDS[rng.choices(names, weights)[0]], holds or {})
        placed = _place(rng, plan, fault, length_s, gap_s, overlap=overlap)
        misses = 0 if placed is not None else misses + 1
        if placed is not None:
            plan.append(placed)
    return tuple(sorted(plan))


def in_conflict(one: Planned, other: Planned, gap_s: float, *, overlap: bool = True) -> bool:
    """Whether one could not be told from the other."""
    if abs(one.at_s - other.at_s) < gap_s:
        return True
    if overlap and not touch(KINDS[one.kind].scope, KINDS[other.kind].scope):
        return False
    return other.at_s < one.settled_s if one.at_s <= other.at_s else one.at_s < other.settled_s


def _instance(rng: Random, kind: Kind, holds: Mapping[str, float]) -> Planned:
    low_s, high_s = kind.hold_s
    hold_s = holds.get(kind.name, rng.uniform(low_s, high_s))
    return Planned(0.0, kind.name, round(hold_s, 2), round(rng.random(), 4))


def _length_s(fault: Planned) -> float:
    return fault.settled_s - fault.at_s


def _scattered(rng: Random, wanted: Sequence[Planned], length_s: float, gap_s: float, *, overlap: bool) -> list[Planned]:
    """All of these by chance, or as many as found a place."""
    plan: list[Planned] = []
    for fault in wanted:
        placed = _place(rng, plan, fault, length_s, gap_s, overlap=overlap)
        if placed is None:
            break
        plan.append(placed)
    return plan


def _packed(wanted: Sequence[Planned], length_s: float, gap_s: float, *, overlap: bool) -> list[Planned]:
    """All of these as early as each fits; raises ``InvalidPlan``."""
    plan: list[Planned] = []
    for fault in wanted:
        placed = _first_place(plan, fault, length_s, gap_s, overlap=overlap)
        if placed is None:
            raise InvalidPlan(f"{fault.kind} does not fit into {length_s:.0f} s")
        plan.append(placed)
    return plan


def _place(
    rng: Random, plan: Sequence[Planned], fault: Planned, length_s: float, gap_s: float, *, overlap: bool
) -> Planned | None:
    """Somewhere by chance."""
    last_s = length_s - fault.settled_s
    for _ in range(TRIES):
        if last_s < 0:
            return None
        candidate = fault._replace(at_s=round(rng.uniform(0, last_s), 2))
        if not any(in_conflict(candidate, other, gap_s, overlap=overlap) for other in plan):
            return candidate
    return None


def _first_place(plan: Sequence[Planned], fault: Planned, length_s: float, gap_s: float, *, overlap: bool) -> Planned | None:
    """As early as it fits: right after others, or at the very beginning."""
    last_s = length_s - fault.settled_s
    edges = [0.0]
    for other in plan:
        edges += [other.settled_s, other.at_s + gap_s, other.at_s - (fault.settled_s - fault.at_s), other.at_s - gap_s]
    for at_s in sorted(round(edge + 0.005, 2) for edge in edges):
        if 0 <= at_s <= last_s:
            candidate = fault._replace(at_s=at_s)
            if not any(in_conflict(candidate, other, gap_s, overlap=overlap) for other in plan):
                return candidate
    return None
