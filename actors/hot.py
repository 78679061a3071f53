"""Where messages may be waiting, by class: the partitions that the next claims visit."""

from collections.abc import Collection, Iterable, Mapping
from itertools import islice
from math import ceil
from typing import Final

from router.model import MessageClass

EACH: Final = 16  # messages that a partition gives at least, when it has them: so many fewer are asked
SPARE: Final = 4  # partitions more, for those that have less


class Hot:
    """Partitions named by a wake call are asked at once, those that had more than was wanted in turn, as many as will do.

    A campaign keeps all 64 hot for as long as it lasts, and to ask each of them whether it has anything takes the journal 0.5 ms. By class,
    because a claim tells nothing of those that were not wanted.
    """

    def __init__(self) -> None:
        self._news: dict[MessageClass, set[int]] = {klass: set() for klass in MessageClass}
        self._left: dict[MessageClass, dict[int, None]] = {klass: {} for klass in MessageClass}  # who has waited longest first

    def heat(self, partitions: Iterable[int]) -> None:
        """There may be something of any class in these."""
        named = set(partitions)
        for news in self._news.values():
            news.update(named)

    def take(self, wanted: Mapping[MessageClass, int], held: Collection[int]) -> list[int]:
        """Where to claim so many of these classes; what is heated from now on is news."""
        found: set[int] = set()
        for klass, most in wanted.items():
            found.update(self._news[klass], islice(self._left[klass], ceil(most / EACH) + SPARE))
        for klass in wanted:
            self._news[klass] -= found
            for partition in found:
                self._left[klass].pop(partition, None)
        return sorted(found.intersection(held))

    def keep(self, wanted: Mapping[MessageClass, int], came: Mapping[MessageClass, int], more: Collection[int]) -> None:
        """A claim left something of one class or the other behind in these partitions.

        It may be of a class of which as many ``came`` as were wanted, or of the last: in its turn what is in line and cannot be
        claimed goes, too.
        """
        last = max(wanted)
        for klass, most in wanted.items():
            if klass is last or came.get(klass, 0) >= most:
                self._left[klass].update(dict.fromkeys(sorted(more)))

    def has(self, klass: MessageClass) -> bool:
        """Whether there may be more of a class."""
        return bool(self._news[klass] or self._left[klass])
