"""Copies: a second one only of what is in doubt, only where its class says so, and never after the end."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise

from router.model import MessageClass
from sims.invariants.facts import Fault, History, Promise, Submit
from sims.invariants.verdict import Found


class Breakage:
    """Which submits a fault can have left in doubt."""

    def __init__(self, faults: Sequence[Fault], slack_us: int) -> None:
        self._slack_us = slack_us
        self._times: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for fault in faults:
            self._times[fault.carrier].append((fault.at_us, max(fault.at_us, fault.until_us)))

    def between(self, carrier: str, from_us: int, to_us: int) -> bool:
        """Whether something of this carrier was broken from the submit to the next. Looks at every fault: for few submits."""
        times = self._times.get(carrier, []) + (self._times.get("", []) if carrier else [])
        return any(begin_us <= to_us + self._slack_us and from_us - self._slack_us <= end_us for begin_us, end_us in times)


class Attempt:
    """The submits of a message's segments at one carrier, one a segment: a message is sent as a whole or not at all."""

    __slots__ = ("carrier", "doubtful", "refused", "submits")

    def __init__(self, carrier: str) -> None:
        self.carrier = carrier
        self.submits: dict[int, Submit] = {}  # by segment
        self.refused = False  # of one segment, and known to be: the others are no message
        self.doubtful = 0  # segments without an answer, or with one that came too late to be believed

    @property
    def at_us(self) -> int:
        """When it began."""
        return min(submit.at_us for submit in self.submits.values())


def attempts(history: History) -> dict[str, list[Attempt]]:
    """By message the attempts that may arrive, in order; those known to be refused are left out."""
    answers = {(fact.carrier, fact.number): fact for fact in history.answers or ()}
    found: dict[str, list[Attempt]] = defaultdict(list)
    for submit in sorted(history.submits or ()):
        mine = found[submit.id]
        # Of two carriers that are written to at the same time each has an attempt of its own.
        attempt = next((one for one in reversed(mine) if one.carrier == submit.carrier), None)
        if attempt is None or submit.segment in attempt.submits:
            attempt = Attempt(submit.carrier)
            mine.append(attempt)
        attempt.submits[submit.segment] = submit
        answer = answers.get((submit.carrier, submit.number))
        if answer is not None and not answer.taken:
            attempt.refused = True
        limit_us = history.timeouts_us.get(submit.carrier, 0)
        late = answer is not None and limit_us and answer.at_us - submit.at_us > limit_us - history.slack_us
        attempt.doubtful += answer is None or bool(late)
    return {message_id: [one for one in mine if not one.refused] for message_id, mine in found.items()}


def duplicates(history: History) -> tuple[int | None, int | None]:
    """How many segments there are beyond one copy of each message, refused attempts not counted; and how many the faults explain.

    The bound: what each fault can leave in doubt, one for each submit without an answer, and one copy for each rescue that a class allows.
    """
    if history.submits is None or history.answers is None:
        return None, None
    found = attempts(history)
    extra = sum(_extra(mine) for mine in found.values())
    if history.faults is None:
        return extra, None
    unanswered = sum(one.doubtful for mine in found.values() for one in mine)
    promises = _promises(history)
    rescued = sum(len(mine[0].submits) for message_id, mine in found.items() if _rescued(promises.get(message_id), mine))
    return extra, sum(fault.doubts for fault in history.faults) + unanswered + rescued


def _extra(mine: Sequence[Attempt]) -> int:
    sizes = [len(one.submits) for one in mine]
    return sum(sizes) - max(sizes, default=0)


def _rescued(promise: Promise | None, mine: Sequence[Attempt]) -> bool:
    return promise is not None and promise.copies and len(mine) > 1


def bounded(history: History) -> Iterator[Found]:
    """No more duplicates than the faults explain, and none without a fault."""
    extra, bound = duplicates(history)
    if extra is not None and bound is not None and extra > bound:
        yield Found("", f"{extra} duplicates, and faults for {bound}")


def explained(history: History) -> Iterator[Found]:
    """Each second copy follows one that is in doubt: without an answer in time, or overtaken by a fault of its carrier."""
    broken = Breakage(history.faults or (), history.slack_us)
    promises = _promises(history)
    for message_id, mine in attempts(history).items():
        if _rescued(promises.get(message_id), mine):
            continue
        for first, second in pairwise(mine):
            if not first.doubtful and not broken.between(first.carrier, first.at_us, second.at_us):
                yield Found(message_id, f"went to {second.carrier} although {first.carrier} had taken it")
                break


def while_unknown(history: History) -> Iterator[Found]:
    """While an attempt is in doubt there is no other copy, unless the class says so: as often as it says, and after the hold."""
    promises = _promises(history)
    for message_id, mine in attempts(history).items():
        promise = promises.get(message_id)
        if promise is None or promise.copies or len(mine) < 2:
            continue
        again = len(mine) - 1
        if promise.again is not None and again > promise.again:
            yield Found(message_id, f"was sent {again} times more while in doubt, its class says {promise.again}")
            continue
        for first, second in pairwise(mine):
            if second.at_us - first.at_us < promise.hold_us - history.slack_us:
                yield Found(message_id, f"went to {second.carrier} before the hold was over")
                break


def after_the_end(history: History) -> Iterator[Found]:
    """No submit after a final state."""
    over: dict[str, int] = {}
    for end in history.ended or ():
        over[end.id] = min(end.at_us, over.get(end.id, end.at_us))
    told = set()
    for submit in history.submits or ():
        if submit.at_us > over.get(submit.id, submit.at_us) + history.slack_us and submit.id not in told:
            told.add(submit.id)
            yield Found(submit.id, f"was given to {submit.carrier} after its end")


def _promises(history: History) -> dict[str, Promise]:
    classes: dict[str, MessageClass] = {fact.id: fact.klass for fact in history.accepted or ()}
    return {message_id: history.promises[klass] for message_id, klass in classes.items() if klass in history.promises}
