"""What happened, in order: a hash of all of it, and the last events for whoever looks into a failure."""

from collections import deque
from collections.abc import Callable, Iterable
from hashlib import blake2b


class Trace:
    """Lines of a run. Equal hashes: equal runs."""

    def __init__(self, now_s: Callable[[], float], keep: int = 200_000) -> None:
        self._now_s = now_s
        self._hash = blake2b(digest_size=16)
        self.lines: deque[str] = deque(maxlen=keep)

    def add(self, *words: str) -> None:
        """Something happened."""
        line = f"{self._now_s():10.4f}  {'  '.join(words)}"
        self._hash.update(line.encode())
        self.lines.append(line)

    @property
    def digest(self) -> str:
        """The hash so far."""
        return self._hash.hexdigest()

    def about(self, marks: Iterable[str], most: int) -> list[str]:
        """The last lines that tell of any of these."""
        wanted = [mark for mark in marks if mark]
        found = [line for line in self.lines if any(mark in line for mark in wanted)]
        return found[-most:]
