"""Supervisor: compares what should run with what does, and acts on the difference. Nothing on a message's way passes here."""

import asyncio
import logging
import os
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

from actors.estates import Estates
from actors.incarnation import is_local, surely_dead
from actors.journal import EmbeddedServer
from actors.journal.rewrites import Rewrites
from actors.journal.server import ServerFailed, ServerMissing
from actors.names import directory, kind_of
from actors.release import CODE
from actors.shell import JournalAddress, Shell
from actors.upgrade import Progress, Upgrade
from actors.waiting import woken
from actors.watch import PULSE_S, Seen, Watch
from router.journal.port import JournalError
from router.settings import Settings

log = logging.getLogger("trunkline.supervisor")

LOOK_S: Final = 2.0
PING_TIMEOUT_S: Final = 3.0
SERVER_LOOK_S: Final = 0.5
SERVER_RETRY_S: Final = 2.0


class Fleet(Protocol):
    """Actors by name. Methods may raise whatever Ray raises."""

    async def start(self, name: str, settings: Settings) -> None:
        """Have it running; nothing happens when it is."""
        ...

    async def ping(self, name: str) -> Mapping[str, Any]:
        """What ``Shell.ping`` says."""
        ...

    async def stop(self, name: str, within_s: float) -> None:
        """Drain it and end it for good."""
        ...

    async def kill(self, name: str) -> None:
        """End its process; it is started anew."""
        ...

    async def names(self) -> Sequence[str]:
        """Every actor of ours that there is, the supervisor among them."""
        ...


class Supervisor(Shell):
    """Owns what should run. May forget everything: the settings are in the journal, and the actors tell of themselves."""

    kind = "supervisor"

    def __init__(self, name: str, address: JournalAddress, fleet: Fleet) -> None:
        self._fleet = fleet
        self._watch = Watch(surely_dead)
        self._running: list[str] = []
        self._changed = asyncio.Event()
        self._leaving = False
        self._estates: Estates
        self._settling: asyncio.Task[None] | None = None
        self._upgrade: Upgrade | None = None
        self._server = EmbeddedServer(Path(address.folder), fsync=address.fsync) if address.folder else None
        super().__init__(name, address)
        if self._server is not None:
            # Not part of ``run``, which waits for the journal: the two may have died together.
            self.spawn(self._keep_server(self._server))
            self.spawn(self._keep_short(Rewrites(self._server)))

    def __repr__(self) -> str:
        ready = sum(1 for seen in self._watch.seen.values() if seen.told.get("ready"))
        return f"{self.name} · {ready}/{len(self._running)} actors ready"

    async def run(self) -> None:
        self._estates = Estates(self.journal)
        self.spawn(self._pulse())
        self.spawn(self._reconcile())

    async def settings_changed(self) -> None:
        self._changed.set()

    async def _keep_server(self, server: EmbeddedServer) -> None:
        """Start the journal's own server again when its process is gone. One that only does not answer is left alone."""
        while not self._leaving:
            await asyncio.sleep(SERVER_LOOK_S)
            if not server.gone():
                continue
            log.warning("supervisor.journal_gone")
            try:
                if await server.start():
                    self.metrics.counter("trunkline_actor_restarts", "journal").add()
            except (ServerFailed, ServerMissing, OSError) as error:
                log.error("supervisor.journal_not_started error=%s", error)  # noqa: TRY400 (its own log says why)
                await asyncio.sleep(SERVER_RETRY_S)

    async def _keep_short(self, rewrites: Rewrites) -> None:
        """Keep what the journal's own server has to load small."""
        while not self._leaving:
            await asyncio.sleep(LOOK_S)
            if await rewrites.look():
                log.info("supervisor.journal_rewritten")
        await rewrites.close()

    async def _pulse(self) -> None:
        """Note when this process itself is late."""
        while not self._leaving:
            self._watch.runs(time.monotonic())
            await asyncio.sleep(PULSE_S)

    async def _reconcile(self) -> None:
        await self._find()
        while not self._leaving:
            extra, away = (self._upgrade.extra, self._upgrade.away) if self._upgrade is not None else (set(), set())
            wanted = [*directory(self.settings), *extra]
            for name in wanted:
                if name not in self._running and name not in extra | away:
                    await self._begin(name)
            for name in [name for name in self._running if name not in wanted]:
                await self._end(name)
            await asyncio.gather(*(self._look_at(name) for name in list(self._running) if name not in away))
            if self._settling is None or self._settling.done():
                self._settling = self.spawn(self._settle(set(wanted)))  # it may have to outwait a lease
            self._changed.clear()
            await woken(self._changed, LOOK_S)

    async def _find(self) -> None:
        """Know of what a predecessor started, so that what is not wanted any more is ended too."""
        now_s = time.monotonic()
        try:
            found = await self._fleet.names()
        except Exception as error:
            log.warning("supervisor.names_unknown error=%s", error)
            return
        self._running = sorted(name for name in found if name != self.name)
        for name in self._running:
            self._watch.started(name, now_s)

    async def _begin(self, name: str) -> None:
        try:
            if kind_of(name) == "carrier":
                await self._estates.opened(name)
            await self._fleet.start(name, self.settings)
        except Exception as error:
            log.warning("supervisor.start_failed actor=%s error=%s", name, error)
            return
        self._running.append(name)
        self._watch.started(name, time.monotonic())
        log.info("supervisor.started actor=%s", name)

    async def _end(self, name: str) -> None:
        log.info("supervisor.stopping actor=%s", name)
        try:
            await self._fleet.stop(name, 10.0)
        except Exception as error:
            log.warning("supervisor.stop_failed actor=%s error=%s", name, error)
        self._running.remove(name)
        self._watch.forget(name)

    async def _settle(self, wanted: set[str]) -> None:
        """See to what carriers left in flight that run no more, and will not."""
        try:
            for name in wanted:
                if kind_of(name) == "carrier":
                    await self._estates.opened(name)  # wanted again while it was being settled for
            left = await self._estates.left(wanted.union(self._running))
        except JournalError:
            return
        for name in sorted(left):
            await self._estates.settle(name, self.settings, self.now_ms)

    async def _look_at(self, name: str) -> None:
        now_s = time.monotonic()
        try:
            told = await asyncio.wait_for(self._fleet.ping(name), PING_TIMEOUT_S)
        except Exception as error:
            await self._silent(name, error, now_s)
            return
        if self._watch.answered(name, told, now_s):
            log.warning("supervisor.restarted actor=%s", name)
            self.metrics.counter("trunkline_actor_restarts", kind_of(name)).add()

    async def _silent(self, name: str, error: Exception, now_s: float) -> None:
        if type(error).__name__ == "ActorDiedError":
            # Ray has given it up for good (its creation failed, or someone killed it without restart).
            self._running.remove(name)
            log.warning("supervisor.dead actor=%s", name)
        elif (silent_s := self._watch.stuck(name, now_s)) is not None:
            log.error("supervisor.stuck actor=%s silent_s=%.0f", name, silent_s)
            await self._put_an_end_to(name, self._watch.seen.get(name))

    async def _put_an_end_to(self, name: str, seen: Seen | None) -> None:
        """Kill the process of an actor that does not answer; Ray starts it anew."""
        try:
            # A process id means something on its own machine only. Ray's own kill asks the process, which may not listen.
            if seen is not None and is_local(seen.incarnation) and not surely_dead(seen.incarnation):
                os.kill(seen.pid, signal.SIGKILL)
            else:
                await self._fleet.kill(name)
        except Exception as error:
            log.warning("supervisor.kill_failed actor=%s error=%s", name, error)

    async def overview(self) -> list[dict[str, Any]]:
        """Every actor as last seen, for ``trunkline status``."""
        now_s = time.monotonic()
        rows = []
        for name in self._running:
            seen = self._watch.seen.get(name)
            told = dict(seen.told) if seen else {"name": name, "ready": False}
            rows.append(told | {"seen_s": round(now_s - seen.at_s, 1) if seen else None})
        return rows

    async def upgrade(self) -> None:
        """Begin to restart every other actor onto the code that this one runs; nothing happens while that is under way."""
        if self._upgrade is None or self._upgrade.progress.over:
            self._upgrade = Upgrade(self._fleet, lambda: self.settings, CODE, self._renewed)
            self.spawn(self._upgrade.run())

    async def _renewed(self, name: str) -> None:
        self._watch.forget(name)  # that it is another process than before is no accident
        self._watch.started(name, time.monotonic())
        if kind_of(name) == "carrier":
            await self._estates.opened(name)

    async def progress(self) -> Progress:
        """How far the last upgrade is."""
        return (
            self._upgrade.progress
            if self._upgrade is not None
            else Progress((), over=True, failed="the supervisor began anew, and has forgotten it")
        )

    async def shut_down(self, within_s: float) -> None:
        """Drain and end every actor, fronts first, carriers last."""
        self._leaving = True
        order = ("front", "esme", "courier", "dispatcher", "carrier", "limiter", "brain")
        for kind in order:
            names = [name for name in self._running if kind_of(name) == kind]
            await asyncio.gather(*(self._fleet.stop(name, within_s) for name in names), return_exceptions=True)

    def health(self) -> dict[str, Any]:
        return {"actors": len(self._running)}
