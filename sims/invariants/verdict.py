"""What an examination found."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sims.invariants.facts import History

LAST_EVENTS = 20
MOST_TOLD = 20  # breaches of one rule with their events; further ones are counted


class Found(NamedTuple):
    """A rule's finding, before the events are looked up."""

    message: str  # an id; "" when no single message is to blame
    what: str


class Breach(NamedTuple):
    """Something that must not be."""

    rule: str
    message: str  # an id; "" when no single message is to blame
    what: str
    events: tuple[str, ...]  # the last that were seen of the message, oldest first

    def __str__(self) -> str:
        head = f"{self.rule}: {f'{self.message} ' if self.message else ''}{self.what}"
        return "\n    ".join((head, *self.events))


class Verdict(NamedTuple):
    """Breaches, and what each rule came to: every rule stands in exactly one of the three."""

    breaches: Sequence[Breach]
    breached: Mapping[str, int]  # rule → breaches, those that are not told one by one included
    passed: Sequence[str]
    unchecked: Mapping[str, Sequence[str]]  # rule → the evidence that is missing
    duplicates: int | None  # second copies of a segment that may both arrive; None: not known
    bound: int | None  # how many the faults explain

    @property
    def clean(self) -> bool:
        """No breach. What was not checked says nothing."""
        return not self.breached

    def to_dict(self) -> dict[str, Any]:
        """As JSON can carry it."""
        return {
            "clean": self.clean,
            "breaches": [breach._asdict() for breach in self.breaches],
            "breached": dict(self.breached),
            "passed": list(self.passed),
            "not_checked": {rule: list(missing) for rule, missing in self.unchecked.items()},
            "duplicates": self.duplicates,
            "duplicates_bound": self.bound,
        }

    def __str__(self) -> str:
        lines = [str(breach) for breach in self.breaches]
        lines += [f"{rule}: {count} in all" for rule, count in self.breached.items() if count > MOST_TOLD]
        lines += [f"{rule}: not checked, without {', '.join(missing)}" for rule, missing in self.unchecked.items()]
        lines.append(f"{len(self.passed)} rules passed, {len(self.breached)} breached, {len(self.unchecked)} not checked")
        if self.duplicates is not None:
            lines.append(f"{self.duplicates} duplicates of at most {self.bound}")
        return "\n".join(lines)


def told(rule: str, found: Found, history: History) -> Breach:
    """A finding with the last events of its message."""
    events = [str(fact) for fact in history.of(found.message)[-LAST_EVENTS:]] if found.message else []
    return Breach(rule, found.message, found.what, tuple(events))
