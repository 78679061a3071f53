"""Whether receipts name their messages as the answers did, and if not, which reading of the ids would bring them together.

Matching itself is the journal's. Here a sample of ids is watched, so that an operator whose ``receipt_ids`` is wrong can be
told the right word. Pure: time comes in through the door, in seconds of any clock.
"""

from collections.abc import Iterable
from math import inf
from typing import Final, NamedTuple, get_args

from carriers.smpp.receipts import IdMode, receipt_id, submit_id

ALBUM: Final = 500  # ids of answers in a sample; each is kept in every reading, so a sample takes 0.3 MB
LEAST: Final = 20  # ids that settle the question, one way or the other
BETTER: Final = 4  # so many times as many as match now must match otherwise
WATCH_S: Final = 3_600.0  # a sample that has settled nothing for so long is taken anew
MODES: Final = get_args(IdMode)
REST_S: Final = 60.0  # between one sample and the next, when nothing is kept or compared


class Suggestion(NamedTuple):
    """What would match."""

    mode: str
    matched: int  # receipts that find their answer under it
    of: int  # receipts looked at, from the first of these on

    def __str__(self) -> str:
        """As the operator reads it."""
        return f"receipt ids would match as {self.mode}: {self.matched} of {self.of}"


class IdWatch:
    """A sample of ids from answers, and what the receipts since then would have matched in each reading.

    Measured: 3 µs an answer while the sample is taken, 3 µs a receipt while it is watched, nothing otherwise.
    """

    __slots__ = ("_first", "_keys", "_looked_at", "_matched", "_mode", "_taken", "_until_s", "filling", "suggestion", "watching")

    def __init__(self, mode: str) -> None:
        """``mode``: the profile's ``receipt_ids``."""
        self._mode = mode
        self.suggestion: Suggestion | None = None
        self._begin(inf)

    def _begin(self, until_s: float) -> None:
        self.filling = True  # ids of answers are wanted
        self.watching = True  # ids of receipts are looked at
        self._until_s = until_s  # end of the watch, or of the rest; not known before the first receipt
        self._taken = 0
        self._keys: dict[str, set[str]] = {mode: set() for mode in MODES}
        self._matched: dict[str, set[str]] = {mode: set() for mode in MODES}
        self._looked_at = 0
        self._first: dict[str, int] = {}  # how many receipts had been looked at before a reading's first match

    def submitted(self, raw: str) -> None:
        """An answer named its message so. Only of use while ``filling``."""
        if not raw or not self.filling:
            return
        for mode, keys in self._keys.items():
            keys.add(submit_id(raw, mode))
        self._taken += 1
        self.filling = self._taken < ALBUM

    def received(self, raws: Iterable[str], now_s: float) -> None:
        """Receipts named their messages so."""
        if not self.watching:
            if now_s >= self._until_s:
                self._begin(now_s + WATCH_S)
            return
        if self._until_s == inf:
            self._until_s = now_s + WATCH_S
        for raw in raws:
            for mode, keys in self._keys.items():
                if receipt_id(raw, mode) in keys:
                    self._first.setdefault(mode, self._looked_at)
                    self._matched[mode].add(raw)
            self._looked_at += 1
        self._settle(now_s)

    def _settle(self, now_s: float) -> None:
        now = len(self._matched[self._mode])
        best = max(self._matched, key=lambda mode: len(self._matched[mode]))  # of equals the first, which changes least
        matched = len(self._matched[best])
        if matched >= LEAST and matched > BETTER * now:
            self.suggestion = Suggestion(best, matched, self._looked_at - self._first[best])
        elif now >= LEAST:
            self.suggestion = None
        elif now_s < self._until_s:
            return
        else:
            self._begin(now_s + WATCH_S)
            return
        self.filling = self.watching = False
        self._until_s = now_s + REST_S
        self._keys.clear()
        self._matched.clear()
