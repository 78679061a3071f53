"""Who of the actors answers, who is being started anew, and who is stuck. Pure: pings and times in, judgements out."""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

SILENT_S: Final = 15.0  # an actor that answers no ping for so long is stuck: it is killed, and Ray starts it anew
START_GRACE_S: Final = 60.0  # a starting actor waits for its journal, its predecessor's lease, Ray's worker
GAP_S: Final = 8.0  # looks are some seconds apart at most: after a longer pause it was the watcher that did not run


class Seen(NamedTuple):
    """An actor as last seen."""

    pid: int
    incarnation: str
    at_s: float
    told: Mapping[str, Any]


class Watch:
    """Owns what was last seen of each actor. ``dead``: whether an incarnation can be seen not to run any more."""

    def __init__(self, dead: Callable[[str], bool]) -> None:
        self._dead = dead
        self.seen: dict[str, Seen] = {}
        self._started_s: dict[str, float] = {}
        self._restarting: dict[str, str] = {}  # actor → its dead incarnation
        self._looked_s = 0.0
        self._woke_s = 0.0

    def looks(self, now_s: float) -> None:
        """A round of pings begins. After a pause of our own nobody is blamed for what we could not hear."""
        if self._looked_s and now_s - self._looked_s > GAP_S:
            self._woke_s = now_s
        self._looked_s = now_s

    def started(self, name: str, now_s: float) -> None:
        """An actor is starting."""
        self._started_s[name] = now_s

    def forget(self, name: str) -> None:
        """An actor is no more."""
        self.seen.pop(name, None)
        self._started_s.pop(name, None)
        self._restarting.pop(name, None)

    def answered(self, name: str, told: Mapping[str, Any], now_s: float) -> bool:
        """An actor has answered; whether it is another process than before."""
        before = self.seen.get(name)
        self._restarting.pop(name, None)
        self.seen[name] = Seen(int(told["pid"]), str(told.get("incarnation", "")), now_s, told)
        return before is not None and before.pid != int(told["pid"])

    def stuck(self, name: str, now_s: float) -> float | None:
        """An actor has not answered: for how many seconds it has been silent when that is too long, else None.

        One whose process has died is not stuck but being started: it has as long as any that starts, from when that was found.
        """
        seen = self.seen.get(name)
        if seen is not None and self._restarting.get(name) != seen.incarnation and self._dead(seen.incarnation):
            self._restarting[name] = seen.incarnation
            self._started_s[name] = now_s
        since_s = max(seen.at_s if seen else 0.0, self._started_s.get(name, now_s), self._woke_s)
        starting = seen is None or name in self._restarting
        silent_s = now_s - since_s
        if silent_s <= (START_GRACE_S if starting else SILENT_S):
            return None
        self._started_s[name] = now_s
        return silent_s
