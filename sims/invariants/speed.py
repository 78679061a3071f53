"""Speed: a carrier's contract holds in every sliding second."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from sims.invariants.facts import History, Submit
from sims.invariants.verdict import Found

SECOND_US = 1_000_000


def first_excess(times_us: Sequence[int], limit: int, jitter_us: int = 0) -> int | None:
    """The place of the first event that is one too many in the second that ends with it; None: there is none.

    ``times_us`` ascends. A second is half open: two events exactly one second apart are in no second together. Exact and linear: more
    than ``limit`` events are in some second if and only if one and the ``limit``-th after it are less than a second apart.
    """
    span_us = SECOND_US - jitter_us
    if limit <= 0:
        return 0 if times_us else None
    for place in range(limit, len(times_us)):
        if times_us[place] - times_us[place - limit] < span_us:
            return place
    return None


def contracted(history: History) -> Iterator[Found]:
    """No carrier gets more segments than contracted in any second, restarts and zombies included."""
    by_carrier: dict[str, list[Submit]] = defaultdict(list)
    for submit in history.submits or ():
        by_carrier[submit.carrier].append(submit)
    for carrier, submits in by_carrier.items():
        limit = (history.speeds_mps or {}).get(carrier, 0)
        if not limit:
            continue
        submits.sort()
        times_us = [submit.at_us for submit in submits]
        place = first_excess(times_us, limit, history.jitter_us)
        if place is not None:
            begin_us = times_us[place] - SECOND_US
            many = sum(begin_us < at_us <= times_us[place] for at_us in times_us)
            yield Found(submits[place].id, f"was the {many}th segment for {carrier} in a second, contracted are {limit}")


def at_the_wire(history: History) -> Iterator[Found]:
    """No carrier is written to faster than contracted, by whoever reads late and judges in the writer's favour."""
    for pace in history.paces or ():
        if pace.contracted and pace.most > pace.contracted:
            yield Found("", f"{pace.most} segments left for {pace.carrier} within a second, contracted are {pace.contracted}")


def silent(history: History) -> Iterator[Found]:
    """Who has lost its lease transmits nothing more."""
    for zombie in history.zombies or ():
        if zombie.submits:
            yield Found("", f"{zombie.actor} wrote {zombie.submits} submits after its lease was over")
