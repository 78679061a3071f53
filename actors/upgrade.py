"""A rolling restart: every actor of a running system anew, one after the other, onto the code that is installed now.

Whoever reads goes before whoever writes, so that what a new release says meets ears of the new release: carriers tell brains, fronts ask
limiters, dispatchers offer to carriers, fronts and servers of customers write what all the others read. Of each kind one is away at a time.

No front stops taking requests before another one has its listening socket (``actors.handover``). Where only one runs, a second one stands in
until it is back. Other actors are drained, ended and started anew: while a carrier is away the others carry, while a brain or a limiter is
away what was last known holds, and what waits in the journal waits a moment more.

Ray starts each actor in a new process, which imports what is installed. That is not left to belief: each process tells a digest of the code
that it has imported (``actors.release``), and one that is not this process's ends the upgrade. The supervisor, in whose process this runs,
has been restarted before all others: what Ray knows of an actor's calls comes from whoever created it.

The journal's own server stays as it is: its version is pinned, its data outlive releases, and a restart of it would be a gap for all.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol, TypeVar

from actors.names import directory, front_actor, kind_of
from router.settings import Settings

log = logging.getLogger("trunkline.upgrade")

T = TypeVar("T")

ORDER: Final = ("brain", "limiter", "courier", "carrier", "dispatcher", "esme", "front")
DRAIN_LIMIT_S: Final = 15.0  # to finish what an actor holds: a submit's answer may take ten seconds
END_LIMIT_S: Final = 20.0  # until Ray has let go of the name
READY_LIMIT_S: Final = 60.0  # as any actor that starts (``actors.watch.START_GRACE_S``)
LOOK_S: Final = 0.1
PING_S: Final = 3.0


class Fleet(Protocol):
    """What of ``actors.supervisor.Fleet`` is needed here."""

    async def start(self, name: str, settings: Settings) -> None:
        """See there."""
        ...

    async def ping(self, name: str) -> Mapping[str, Any]:
        """See there."""
        ...

    async def stop(self, name: str, within_s: float) -> None:
        """See there."""
        ...

    async def names(self) -> Sequence[str]:
        """See there."""
        ...


class Failed(Exception):
    """A step that did not come to its end; the sentence says which, and what holds now."""


class Progress(NamedTuple):
    """How far an upgrade is."""

    lines: Sequence[str]  # one a step
    over: bool
    failed: str = ""  # why it stopped; "" when it did not


class Upgrade:
    """One upgrade. Owns the names that are not to be looked after by anybody else meanwhile."""

    def __init__(
        self, fleet: Fleet, settings: Callable[[], Settings], code: str, before_start: Callable[[str], Awaitable[None]]
    ) -> None:
        """``code``: what every actor is to run in the end. ``before_start`` is told of each actor just before it is started."""
        self._fleet = fleet
        self._settings = settings
        self._code = code
        self._before_start = before_start
        self.away: set[str] = set()
        self.extra: set[str] = set()  # stand-ins: run now, though the settings do not ask for them
        self._lines: list[str] = []
        self._failed = ""
        self._over = False

    @property
    def progress(self) -> Progress:
        """Until now."""
        return Progress(tuple(self._lines), self._over, self._failed)

    async def run(self) -> None:
        """All of it. Never raises: what went wrong is in ``progress``."""
        began_s = time.monotonic()
        try:
            names = sorted(directory(self._settings()), key=lambda name: ORDER.index(kind_of(name)))
            for name in names:
                if kind_of(name) != "front":
                    await self._renew(name)
            await self._renew_fronts([name for name in names if kind_of(name) == "front"])
        except Failed as error:
            self._failed = str(error)
            log.error("upgrade.failed reason=%s", error)  # noqa: TRY400 (a sentence, not a bug)
        except Exception as error:
            self._failed = f"unexpectedly: {type(error).__name__}"
            log.exception("upgrade.failed")
        else:
            self._say(f"all {len(names)} actors run the new code, after {time.monotonic() - began_s:.0f} s")
        finally:
            self.away.clear()
            self._over = True

    async def _renew_fronts(self, names: Sequence[str]) -> None:
        spare = front_actor(len(names)) if len(names) == 1 else ""
        if spare:
            self.extra.add(spare)
            await self._begin(spare, "stands in")
        for name in names:
            await self._renew(name)  # if this fails the stand-in stays
        if spare:
            await self._end(spare)
            self.extra.discard(spare)
            self._say(f"{spare}: ended")

    async def _renew(self, name: str) -> None:
        if name not in directory(self._settings()):
            return  # the settings have changed meanwhile
        self.away.add(name)
        began_s = time.monotonic()
        try:
            drained = await self._end(name)
            await self._begin(name, f"{drained}, started anew", began_s)
        finally:
            self.away.discard(name)

    async def _end(self, name: str) -> str:
        """Drain an actor and end its process. One that does not drain in time is ended too: what it held is what a crash would leave."""
        drained = "drained"
        try:
            await self._fleet.stop(name, DRAIN_LIMIT_S)
        except Exception as error:
            log.warning("upgrade.undrained actor=%s error=%s", name, type(error).__name__)
            drained = f"not drained within the limit of {DRAIN_LIMIT_S:.0f} s ({type(error).__name__})"

        async def gone() -> bool:
            return name not in await self._fleet.names()

        await self._until(gone, END_LIMIT_S, f"{name} did not end")
        return drained

    async def _begin(self, name: str, words: str, began_s: float = 0.0) -> None:
        began_s = began_s or time.monotonic()
        try:
            await self._before_start(name)
            await self._fleet.start(name, self._settings())
        except Exception as error:
            raise Failed(f"{name} was not started ({type(error).__name__})") from error
        told = await self._until(lambda: self._ready(name), READY_LIMIT_S, f"{name} did not become ready")
        if told["code"] != self._code:
            raise Failed(f"{name} runs other code ({told['code']}) than is installed where the upgrade began ({self._code})")
        self._say(f"{name}: {words}, process {told['pid']}, {time.monotonic() - began_s:.1f} s")

    async def _ready(self, name: str) -> Mapping[str, Any] | None:
        told = await asyncio.wait_for(self._fleet.ping(name), PING_S)
        return told if told.get("ready") else None

    async def _until(self, look: Callable[[], Awaitable[T | None]], limit_s: float, what: str) -> T:
        """The first true value of ``look``; what it raises is another no."""
        deadline_s = time.monotonic() + limit_s
        why = ""
        while time.monotonic() < deadline_s:
            try:
                if value := await look():
                    return value
            except Exception as error:
                why = f" ({type(error).__name__})"
            await asyncio.sleep(LOOK_S)
        raise Failed(f"{what} within the limit of {limit_s:.0f} s{why}")

    def _say(self, line: str) -> None:
        self._lines.append(line)
        log.info("upgrade.step line=%s", line)
