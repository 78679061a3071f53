"""Accepted messages until they are final. Pure: ids, statuses and times in; figures into the result."""

from collections import OrderedDict
from typing import Final

from router.model import STATES_OF_STATUS, MessageClass
from sims.load.result import LoadResult

FINAL_WORDS: Final = frozenset(status.value for status, states in STATES_OF_STATUS.items() if all(s.final for s in states))
EARLY_LIMIT: Final = 200_000  # finals kept that no answer has told of yet; the oldest go first


class Tracker:
    """Matches what was accepted with what became final, in whichever order the two are learned."""

    def __init__(self, result: LoadResult) -> None:
        self._result = result
        self._pending: dict[str, tuple[float, MessageClass]] = {}
        self._early: OrderedDict[str, tuple[str, float]] = OrderedDict()
        self._dropped = 0

    def __len__(self) -> int:
        return len(self._pending)

    def accepted(self, message_id: str, intended_s: float, klass: MessageClass) -> None:
        """The API took a message; its end may have been seen already, because a webhook can overtake the answer."""
        early = self._early.pop(message_id, None)
        if early is None:
            self._pending[message_id] = (intended_s, klass)
        else:
            self._count(early[0], early[1] - intended_s, klass)

    def seen(self, message_id: str, status: str, at_s: float) -> None:
        """A message was seen in this status; whatever is not final is of no interest."""
        if status not in FINAL_WORDS:
            return
        entry = self._pending.pop(message_id, None)
        if entry is not None:
            self._count(status, at_s - entry[0], entry[1])
            return
        self._early.setdefault(message_id, (status, at_s))
        if len(self._early) > EARLY_LIMIT:
            self._early.popitem(last=False)
            self._dropped += 1

    def pending(self, limit: int) -> list[str]:
        """Up to ``limit`` ids that are not final yet, the oldest first."""
        ids: list[str] = []
        for message_id in self._pending:
            if len(ids) == limit:
                break
            ids.append(message_id)
        return ids

    def close(self) -> None:
        """No more will come: what never matched is counted."""
        self._result.unmatched_events = len(self._early) + self._dropped

    def _count(self, status: str, took_s: float, klass: MessageClass) -> None:
        self._result.final[status] += 1
        self._result.end_to_end[klass].add(took_s * 1e6)
