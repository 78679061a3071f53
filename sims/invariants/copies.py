"""Copies: a second one only of what is in doubt, only where its class says so, and never after the end."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

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


class _Copies:
    """The submits of one segment of one message that may arrive, in order."""

    __slots__ = ("alive", "doubtful")

    def __init__(self) -> None:
        self.alive: list[Submit] = []
        self.doubtful = 0  # of those, without an answer


def duplicates(history: History) -> tuple[int | None, int | None]:
    """How many copies there are beyond the first of each segment, refused ones not counted; and how many the faults explain.

    The bound: what each fault can leave in doubt, one for each submit without an answer, and one for each rescue that a class allows.
    """
    if history.submits is None or history.answers is None:
        return None, None
    found = _segments(history)
    extra = sum(max(0, len(copies.alive) - 1) for copies in found.values())
    if history.faults is None:
        return extra, None
    unanswered = sum(copies.doubtful for copies in found.values())
    rescued = 0
    promises = _promises(history)
    for (message_id, _), copies in found.items():
        if promises.get(message_id, _NOTHING).copies and len(copies.alive) > 1:
            rescued += 1
    return extra, sum(fault.doubts for fault in history.faults) + unanswered + rescued


def bounded(history: History) -> Iterator[Found]:
    """No more duplicates than the faults explain, and none without a fault."""
    extra, bound = duplicates(history)
    if extra is not None and bound is not None and extra > bound:
        yield Found("", f"{extra} duplicates, and faults for {bound}")


def explained(history: History) -> Iterator[Found]:
    """Each second copy follows one that is in doubt: without an answer, or overtaken by a fault of its carrier."""
    broken = Breakage(history.faults or (), history.slack_us)
    answered = {(fact.carrier, fact.number) for fact in history.answers or ()}
    promises = _promises(history)
    for (message_id, segment), copies in _segments(history).items():
        if promises.get(message_id, _NOTHING).copies:
            continue
        for first, second in zip(copies.alive, copies.alive[1:], strict=False):
            if (first.carrier, first.number) not in answered:
                continue
            if not broken.between(first.carrier, first.at_us, second.at_us):
                yield Found(message_id, f"segment {segment} went to {second.carrier} although {first.carrier} had taken it")
                break


def while_unknown(history: History) -> Iterator[Found]:
    """While a submit is in doubt there is no other copy, unless the class says so: as often as it says, and after the hold."""
    promises = _promises(history)
    for (message_id, segment), copies in _segments(history).items():
        promise = promises.get(message_id)
        if promise is None or promise.copies or len(copies.alive) < 2:
            continue
        again = len(copies.alive) - 1
        if promise.again is not None and again > promise.again:
            yield Found(
                message_id, f"segment {segment} was sent {again} times more while in doubt, its class says {promise.again}"
            )
            continue
        for first, second in zip(copies.alive, copies.alive[1:], strict=False):
            if second.at_us - first.at_us < promise.hold_us - history.slack_us:
                yield Found(message_id, f"segment {segment} went to {second.carrier} before the hold was over")
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


_NOTHING = Promise(0, 0)


def _promises(history: History) -> dict[str, Promise]:
    classes: dict[str, MessageClass] = {fact.id: fact.klass for fact in history.accepted or ()}
    return {message_id: history.promises[klass] for message_id, klass in classes.items() if klass in history.promises}


def _segments(history: History) -> dict[tuple[str, int], _Copies]:
    verdicts = {(fact.carrier, fact.number): fact.taken for fact in history.answers or ()}
    found: dict[tuple[str, int], _Copies] = defaultdict(_Copies)
    for submit in sorted(history.submits or ()):
        taken = verdicts.get((submit.carrier, submit.number))
        if taken is False:
            continue
        copies = found[submit.id, submit.segment]
        copies.alive.append(submit)
        copies.doubtful += taken is None
    return found
