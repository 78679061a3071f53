"""Events as outcomes that are known: what learners need that have no place for a pending message.

A positive receipt within the class's deadline is a success; a negative one, and silence until the deadline, are failures. A receipt that comes
after the deadline changes nothing: its message has been counted.
"""

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sims.twin.competitors.base import Competitor
from sims.twin.policy import Brief, Event, Seen
from sims.twin.values import CLASSES, DEADLINE_S


class Known(NamedTuple):
    """How one attempt ended. ``wait_s``: seconds to delivery, or the deadline."""

    place: int
    network: int
    klass: int
    good: bool
    wait_s: float


class Learner(Competitor):
    """Turns events into ``learn(Known)``; refusals come as failures after no time."""

    def __init__(self, brief: Brief, rng: np.random.Generator) -> None:
        super().__init__(brief, rng)
        self.country: list[int] = brief.country.tolist()
        self._waiting: dict[int, Event] = {}
        # Deadlines are the same within a class, so each queue is in order of time.
        self._due: tuple[deque[tuple[float, int]], ...] = tuple(deque() for _ in range(CLASSES))

    def learn(self, known: Known) -> None:
        """Take in one outcome."""
        raise NotImplementedError

    def converted(self, event: Event) -> None:
        """A code was used. Nothing to learn for most."""

    def observe(self, events: Sequence[Event], now: float) -> None:
        """Settle what is known by now."""
        self.now = now
        for event in events:
            match event.seen:
                case Seen.SUBMITTED:
                    self._waiting[event.item] = event
                    self._due[event.klass].append((event.at_s - event.age_s + DEADLINE_S[event.klass], event.item))
                case Seen.DELIVERED | Seen.UNDELIVERED:
                    if self._waiting.pop(event.item, None) is not None:
                        good = event.seen == Seen.DELIVERED
                        wait_s = event.age_s if good else DEADLINE_S[event.klass]
                        self.learn(Known(event.place, event.network, event.klass, good, wait_s))
                case Seen.REFUSED:
                    self.learn(Known(event.place, event.network, event.klass, False, 0.0))
                case Seen.CONVERTED:
                    self.converted(event)
                case _:
                    pass
        for klass, due in enumerate(self._due):
            while due and due[0][0] <= now:
                late = self._waiting.pop(due.popleft()[1], None)
                if late is not None:
                    self.learn(Known(late.place, late.network, klass, False, DEADLINE_S[klass]))
