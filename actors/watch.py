"""Who of the actors answers, who is being started anew, and who is stuck. Pure: pings and times in, judgements out."""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

SILENT_S: Final = 15.0  # an actor that answers no ping for so long is stuck: it is killed, and Ray starts it anew
START_GRACE_S: Final = 60.0  # a starting actor waits for its journal, its predecessor's lease, Ray's worker
PULSE_S: Final = 0.5  # how often the watcher notes that it runs itself


class Seen(NamedTuple):
    """An actor as last seen."""

    pid: int
    incarnation: str
    at_s: float
    told: Mapping[str, Any]


class Watch:
    """Owns what was last seen of each actor. ``dead``: whether an incarnation can be seen not to run any more.

    Silence is counted by a clock that stands still while the watcher itself does not run, or runs late: on a starved machine
    answers lie unread, and nobody is to be blamed for what could not be heard.
    """

    def __init__(self, dead: Callable[[str], bool]) -> None:
        self._dead = dead
        self.seen: dict[str, Seen] = {}
        self._heard_s: dict[str, float] = {}  # by that clock, as the next
        self._started_s: dict[str, float] = {}
        self._restarting: dict[str, str] = {}  # actor → its dead incarnation
        self._pulse_s = 0.0
        self._lost_s = 0.0  # how far that clock is behind

    def runs(self, now_s: float) -> None:
        """The watcher runs; to be told every ``PULSE_S``, so that what lies between two tellings beyond that is its own lateness."""
        if self._pulse_s:
            self._lost_s += max(0.0, now_s - self._pulse_s - PULSE_S)
        self._pulse_s = max(self._pulse_s, now_s)

    def started(self, name: str, now_s: float) -> None:
        """An actor is starting."""
        self._started_s[name] = now_s - self._lost_s

    def forget(self, name: str) -> None:
        """An actor is no more."""
        for known in (self.seen, self._heard_s, self._started_s, self._restarting):
            known.pop(name, None)

    def answered(self, name: str, told: Mapping[str, Any], now_s: float) -> bool:
        """An actor has answered; whether it is another process than before."""
        before = self.seen.get(name)
        self._restarting.pop(name, None)
        self.seen[name] = Seen(int(told["pid"]), str(told.get("incarnation", "")), now_s, told)
        self._heard_s[name] = now_s - self._lost_s
        return before is not None and before.pid != int(told["pid"])

    def stuck(self, name: str, now_s: float) -> float | None:
        """An actor has not answered: for how many seconds it has been silent when that is too long, else None.

        One whose process has died is not stuck but being started: it has as long as any that starts, from when that was found.
        """
        clock_s = now_s - self._lost_s
        seen = self.seen.get(name)
        if seen is not None and self._restarting.get(name) != seen.incarnation and self._dead(seen.incarnation):
            self._restarting[name] = seen.incarnation
            self._started_s[name] = clock_s
        since_s = max(self._heard_s.get(name, float("-inf")), self._started_s.get(name, clock_s))
        starting = seen is None or name in self._restarting
        silent_s = clock_s - since_s
        if silent_s <= (START_GRACE_S if starting else SILENT_S):
            return None
        self._started_s[name] = clock_s
        return silent_s
