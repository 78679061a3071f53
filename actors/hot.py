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
        self._asked: list[int] = []  # by the last claim, in order

    def heat(self, partitions: Iterable[int]) -> None:
        """There may be something of any class in these."""
        named = set(partitions)
        for news in self._news.values():
            news.update(named)

    def take(self, wanted: Mapping[MessageClass, int], held: Collection[int]) -> list[int]:
        """Where to claim so many of these classes, in this order; what is heated from now on is news."""
        order: dict[int, None] = {}
        for klass, most in wanted.items():
            order.update(dict.fromkeys(islice(self._left[klass], ceil(most / EACH) + SPARE)))
        for klass in wanted:
            order.update(dict.fromkeys(sorted(self._news[klass])))
        for klass in wanted:
            self._news[klass] -= order.keys()
        self._asked = [partition for partition in order if partition in held]
        return self._asked

    def keep(
        self,
        wanted: Mapping[MessageClass, int],
        came: Mapping[MessageClass, int],
        more: Collection[int],
        gave: Collection[tuple[MessageClass, int]] = (),
    ) -> None:
        """A claim left something of one class or the other behind in these partitions; ``gave``: what classes came from where.

        It may be of a class of which as many ``came`` as were wanted, or of the last: in its turn what is in line and cannot be
        claimed goes, too. Where the claim did not get to, because all that was wanted had come before, it is still their turn.
        """
        last = max(wanted)
        for klass, most in wanted.items():
            enough, left = came.get(klass, 0) >= most, self._left[klass]
            gone = self._asked
            if enough:
                givers = [place for place, partition in enumerate(gone) if (klass, partition) in gave]
                gone = gone[: max(givers, default=len(gone)) + 1]
            for partition in gone:
                left.pop(partition, None)
            if enough or klass is last:
                left.update(dict.fromkeys(partition for partition in (*self._asked, *sorted(more)) if partition in more))

    def has(self, klass: MessageClass) -> bool:
        """Whether there may be more of a class."""
        return bool(self._news[klass] or self._left[klass])
