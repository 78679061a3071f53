"""Where messages may be waiting: the partitions that the next claims visit."""

from collections.abc import Collection, Iterable


class Hot:
    """Partitions named by a wake call, and those that had more than was wanted; for codes apart, as they are claimed without others, too.

    A campaign keeps all partitions hot for as long as it lasts: without the difference each code beside it would be looked for in 64.
    """

    def __init__(self) -> None:
        self._codes: set[int] = set()
        self._others: set[int] = set()

    def __bool__(self) -> bool:
        return bool(self._codes or self._others)

    def heat(self, partitions: Iterable[int]) -> None:
        """There may be something of any class in these."""
        named = set(partitions)
        self._codes |= named
        self._others |= named

    def take(self, held: Collection[int], *, codes_only: bool) -> list[int]:
        """Where to claim now; what is heated from now on is news."""
        found, self._codes = self._codes, set()
        if not codes_only:
            found |= self._others
            self._others = set()
        return sorted(found.intersection(held))

    def keep(self, more: Collection[int], *, codes_only: bool) -> None:
        """A claim left something behind in these."""
        self._codes.update(more)
        if not codes_only:
            self._others.update(more)
