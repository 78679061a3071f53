"""A load run whose answers are kept one by one: which message got which id, and whether a repeated request gets the same.

They go to a file, to the invariants, or to both. A line of the file for each message accepted, words apart by a space: its number (that in
its text is one more), the time in microseconds since 1970, the id, the class, the number of the request, its place in it. And a line for each
message of a request that was answered 429 or 503: the same number and time, the status, the class, and the seconds of ``Retry-After``, ``-``
where there was none.
"""

import heapq
from pathlib import Path
from random import Random
from time import time_ns
from typing import Final, cast

from router.model import MessageClass
from sims.load.answers import read_id, read_items
from sims.load.engine import Generator
from sims.load.evidence import Evidence
from sims.load.flight import Flight
from sims.load.follow import Tracker
from sims.load.http import HttpAnswer, HttpConnection
from sims.load.options import LoadOptions
from sims.load.receiver import Event
from sims.load.result import LoadResult

PUSH_BACKS: Final = frozenset({429, 503})
REPEAT_S: Final = (0.5, 8.0)  # so long after its answer a request is repeated


class _Numbered(Flight):
    """A request that knows which one it is."""

    __slots__ = ("index", "repeats")

    def __init__(self, flight: Flight, index: int, *, repeats: bool = False) -> None:
        super().__init__(flight.intended_s, flight.octets, flight.classes)
        self.index = index
        self.repeats = repeats
        self.tries = int(repeats)  # one that repeats is no new message


class _Watched(Tracker):
    """A tracker that says what it is told."""

    def __init__(self, result: LoadResult, evidence: Evidence) -> None:
        super().__init__(result)
        self._evidence = evidence

    def seen(self, message_id: str, status: str, at_s: float) -> None:
        """As ``Tracker``."""
        self._evidence.ended(message_id, status)
        super().seen(message_id, status, at_s)


class Recording(Generator):
    """A generator that keeps a record at ``path``, or evidence, which it judges at the end (``check``; needs ``follow`` or ``webhooks``).

    ``repeat``: this share of the requests that were taken is sent again, keys alike.
    """

    def __init__(self, options: LoadOptions, path: Path | None, *, repeat: float = 0.0, check: bool = False) -> None:
        super().__init__(options)
        self._record = None if path is None else path.open("w", encoding="ascii", buffering=1 << 14)
        self._evidence: Evidence | None = None
        if check:
            self._evidence = Evidence(webhooks=options.webhooks, keyed=options.retry)
            self.tracker = _Watched(self.result, self._evidence)
        self._repeat = repeat if options.retry else 0.0  # without a key it would be another message
        self._rng = Random(options.seed)  # noqa: S311 (seeded, not secret)

    def _make(self, now_s: float) -> Flight:
        index = self._next
        return _Numbered(super()._make(now_s), index)

    def _on_answer(self, connection: HttpConnection, answer: HttpAnswer) -> None:
        flight = connection.load
        if self._record is not None and answer.status in PUSH_BACKS and isinstance(flight, _Numbered):
            at_us, after = time_ns() // 1_000, "-" if answer.retry_after_s is None else f"{answer.retry_after_s:g}"
            for place, octet in enumerate(flight.classes):
                word = MessageClass(octet).word
                self._record.write(f"{self._number(flight, place)} {at_us} {answer.status} {word} {after}\n")
        super()._on_answer(connection, answer)

    def _number(self, flight: _Numbered, place: int) -> int:
        return self.options.first + flight.index * self.options.per_request + place

    def _count_accepted(self, flight: Flight, answer: HttpAnswer, now_s: float) -> None:
        mine = cast("_Numbered", flight)
        if not mine.repeats:
            super()._count_accepted(flight, answer, now_s)
            if self._rng.random() < self._repeat:
                again = _Numbered(flight, mine.index, repeats=True)
                heapq.heappush(self._retries, (now_s + self._rng.uniform(*REPEAT_S), id(again), again))
        at_us = time_ns() // 1_000
        for place, (message_id, octet) in enumerate(zip(self._ids(answer), flight.classes, strict=False)):
            if message_id:
                klass = MessageClass(octet)
                if self._evidence is not None:
                    self._evidence.accepted(at_us, message_id, klass, mine.index, place)
                if self._record is not None:
                    self._record.write(f"{self._number(mine, place)} {at_us} {message_id} {klass.word} {mine.index} {place}\n")

    def _ids(self, answer: HttpAnswer) -> list[str]:
        if self.options.mode == "single":
            return [read_id(answer.content_type, answer.body)]
        return [item.id for item in read_items(answer.content_type, answer.body) or ()]

    def _on_event(self, event: Event) -> None:
        if self._evidence is not None:
            self._evidence.delivered(event)
        super()._on_event(event)

    def _close(self) -> None:
        super()._close()
        if self._record is not None:
            self._record.close()
        if self._evidence is not None:
            self.result.verdict = self._evidence.verdict()
