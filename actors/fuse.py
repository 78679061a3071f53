"""A carrier's own breaker: what its actor sees is told to the brain, and to dispatchers directly, for whom it counts when the brain is silent."""

from collections.abc import Callable, Sequence

from actors import machine
from router.brain.breaker import REFUSING, SILENT, Breaker
from router.brain.port import Observation, Outcome
from router.brain.sight import Fuse

_REFUSED, _UNANSWERED = Outcome.REFUSED, Outcome.UNANSWERED
_TAKEN = (Outcome.SUBMITTED, Outcome.REFUSED_OTHER)


class OwnBreaker:
    """Of one carrier. May forget it: three faults open it again. Whether a session is bound is not its business."""

    def __init__(
        self,
        tell: Callable[[Sequence[Observation]], None],
        changed: Callable[[], None],
        clock: Callable[[], float] = machine.time,
    ) -> None:
        self._tell = tell
        self._changed = changed
        self._clock = clock
        self._breaker = Breaker()
        self.fuse = Fuse()

    def put(self, seen: Sequence[Observation]) -> None:
        """Hand on what was seen; what it says of the carrier is noted."""
        breaker, now_s = self._breaker, self._clock()
        if not breaker.quiet:
            breaker.tick(now_s)
        for item in seen:
            outcome = item.outcome
            if outcome == _REFUSED:
                breaker.fault(now_s, REFUSING)
            elif outcome == _UNANSWERED:
                breaker.fault(now_s, SILENT)
            elif not breaker.quiet and outcome in _TAKEN:
                breaker.taken(item.at_s)
        self._tell(seen)
        fuse = Fuse(breaker.state, breaker.until_s, breaker.reason)
        if fuse != self.fuse:
            self.fuse = fuse
            self._changed()
