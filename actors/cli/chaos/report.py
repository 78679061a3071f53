"""What a chaos run came to: a table for people, JSON for machines."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import pairwise
from statistics import median
from typing import Any, Final

import msgspec
from rich.table import Table
from rich.text import Text

from actors.cli.chaos.done import Done
from actors.cli.chaos.run import Outcome
from actors.cli.terminal import table
from sims.chaos.kinds import DEADLY, KINDS
from sims.invariants import Fault, History, Submit

ANSWER_US: Final = 5_000_000  # a submit is in doubt for so long before somebody acts on it
MOST_TOLD: Final = 3  # breaches of one rule; the rest is in the JSON
CUT_SHORT: Final = frozenset({"retry_abandoned", "abandoned", "connection_lost", "timeout"})  # of requests when the load ended
NO_FAULT: Final = "no carrier's fault"


def doubled(history: History) -> Counter[str]:
    """Second copies by the kind of fault that explains each; ``NO_FAULT`` for those that nothing explains."""
    refused = {(fact.carrier, fact.number) for fact in history.answers or () if not fact.taken}
    segments: dict[tuple[str, int], list[Submit]] = defaultdict(list)
    for submit in history.submits or ():
        if (submit.carrier, submit.number) not in refused:
            segments[submit.id, submit.segment].append(submit)
    found: Counter[str] = Counter()
    for copies in segments.values():
        ordered = sorted(copies)
        for first, second in pairwise(ordered):
            found[_cause(history.faults or (), first, second)] += 1
    return found


def _cause(faults: Sequence[Fault], first: Submit, second: Submit) -> str:
    for fault in faults:
        if fault.carrier == first.carrier and fault.at_us <= second.at_us and first.at_us - ANSWER_US <= fault.until_us:
            return fault.kind
    return NO_FAULT


def rows(outcome: Outcome) -> Iterator[tuple[object, ...]]:
    """Fault, count, duplicates and their bound, seconds until all was well (median, most, bar)."""
    by_kind: dict[str, list[Done]] = defaultdict(list)
    for done in outcome.done:
        by_kind[done.kind].append(done)
    copies = doubled(outcome.history)
    for name, kind in KINDS.items():
        if name in outcome.not_run:
            yield name, Text(f"not run: {outcome.not_run[name]}", style="dim"), "", "", "", "", ""
            continue
        mine = [done for done in by_kind[name] if not done.failed]
        failed = [done for done in by_kind[name] if done.failed]
        if not mine and not failed:
            continue
        backs = [done.back_s for done in mine if done.back_s is not None]
        never = len(mine) - len(backs)
        bar_s = kind.bar_s * outcome.options.patience
        worst = Text("never", style="bold red") if never else Text(f"{max(backs, default=0.0):.1f}")
        if not never and max(backs, default=0.0) > bar_s:
            worst.stylize("bold red")
        bound = sum(fault.doubts for done in mine for fault in done.told(outcome.options.window))
        count = f"{len(mine)}" + (f" ({len(failed)} not made)" if failed else "")
        yield name, count, copies[name], bound, f"{median(backs):.1f}" if backs else "", worst, f"{bar_s:.0f}"
    if copies[NO_FAULT]:
        yield NO_FAULT, "", Text(str(copies[NO_FAULT]), style="bold red"), 0, "", "", ""


def fault_table(outcome: Outcome) -> Table:
    """A line for each kind of fault."""
    heads = ("fault", "count", "duplicates", "bound", "back s", "worst s", "bar s")
    return table(heads, rows(outcome), right=heads[2:])


def totals(outcome: Outcome) -> dict[str, Any]:
    """The sums that count."""
    history = outcome.history
    accepted = {fact.id for fact in history.accepted or ()}
    ended = {fact.id: fact.state for fact in history.ended or ()}
    conservation = history.conservation
    return {
        "accepted": len(accepted),
        "lost": len(accepted - ended.keys()),
        "stuck": conservation.counts.get("live", 0) if conservation else None,
        "finals": dict(Counter(state.name.lower() for state in ended.values())),
        "faults": len([one for one in outcome.done if not one.failed]),
        "kills": sum(one.kills for one in outcome.done if one.kind in DEADLY),
        "duplicates": outcome.verdict.duplicates,
        "duplicates_bound": outcome.verdict.bound,
        "drain_s": outcome.drain_s,
        "observer_lag_s": round(outcome.lag_s, 3),
    }


def breaches(outcome: Outcome) -> list[str]:
    """Everything that must not be."""
    found: list[str] = []
    told: Counter[str] = Counter()
    for breach in outcome.verdict.breaches:
        told[breach.rule] += 1
        if told[breach.rule] <= MOST_TOLD:
            found.append(str(breach))
    found += [f"{rule}: {count} in all" for rule, count in outcome.verdict.breached.items() if count > MOST_TOLD]
    found += [f"{one.kind} could not be made: {one.failed}" for one in outcome.done if one.failed]
    if outcome.drain_s is None:
        found.append("not drained in the time given")
    errors = {name: count for name, count in outcome.load.get("errors", {}).items() if name not in CUT_SHORT}
    if outcome.load.get("refused") or errors:
        found.append(f"the load gave up: refused {outcome.load.get('refused')}, errors {errors}")
    return found


def as_json(outcome: Outcome) -> Any:
    """All of it, for a machine."""
    options = msgspec.to_builtins(asdict(outcome.options), enc_hook=str)
    return {
        "options": options,
        "totals": totals(outcome),
        "not_run": outcome.not_run,
        "faults": [asdict(one) | {"memory": [tuple(look)[:3] for look in one.memory]} for one in outcome.done],
        "doubled": dict(doubled(outcome.history)),
        "plan": [planned._asdict() for planned in outcome.plan],
        "verdict": outcome.verdict.to_dict(),
        "load": outcome.load,
        "breaches": breaches(outcome),
    }
