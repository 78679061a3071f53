"""What every actor is around its own work: a journal, the settings, wake calls, tasks that must not die quietly.

The classes built on it are plain: Ray is applied in ``actors.runtime``, and tests drive them without it.
"""

import asyncio
import contextlib
import logging
import os
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from actors import machine
from actors.journal import RedisJournal, RedisWake
from actors.journal.keyring import Keyring
from actors.journal.vault import Vault
from actors.metrics import Metrics, snapshot
from actors.release import CODE
from router.config import ConfigError, load_settings_bytes
from router.journal.port import JournalError
from router.journal.wake import VALUE_TOPIC
from router.settings import Settings

log = logging.getLogger("trunkline.actors")

SETTINGS_VALUE: Final = "settings"
KEYS_VALUE: Final = "keyring"  # 16 octets of the ring that the journal is written with; written again when keys have changed
CONNECT_RETRY_S: Final = 0.25
SETTINGS_LOOK_S: Final = 10.0  # without a wake call: a lost one, during a reconnect, costs at most this


class JournalAddress(NamedTuple):
    """How an actor finds the journal."""

    url: str
    replicas: int = 0
    confirm_timeout_s: float = 2.0
    retention_s: float = 86_400.0
    folder: str = ""  # of the server of our own, which the supervisor keeps running; "": the server is somebody else's
    fsync: Literal["always", "everysec"] = "always"  # of the server of our own
    keys: str = ""  # the folder of the keys that texts and numbers are encrypted with; "": they are not
    encrypt: bool = True  # False: only what was encrypted before is read with them

    def __repr__(self) -> str:
        return f"JournalAddress(replicas={self.replicas}, folder={self.folder!r}, …)"  # the URL may hold a password


class Shell:
    """Base of the actors. Subclasses say what they do in ``run`` and what they may forget in their docstring."""

    kind = "shell"

    def __init__(self, name: str, address: JournalAddress) -> None:
        self.name = name
        self.address = address
        self.journal: RedisJournal
        self.settings: Settings
        self.metrics = Metrics(self.kind)
        self.rng = machine.dice()
        self.started = asyncio.Event()
        self._wake: RedisWake
        self._vault = Vault(Keyring(Path(address.keys)), sealing=address.encrypt) if address.keys else None
        self._settings_octets = b""
        self._tasks: set[asyncio.Task[None]] = set()
        self.spawn(self._main())

    # -- for subclasses ------------------------------------------------------------------------------------------
    async def run(self) -> None:
        """The actor's work; called once the journal answers and the settings are read."""
        raise NotImplementedError

    async def settings_changed(self) -> None:
        """``self.settings`` has been replaced."""

    async def value_changed(self, name: str) -> None:
        """A named value of the journal has changed."""

    async def drain(self, within_s: float) -> None:
        """Finish what is under way: the system stops or this actor moves."""

    def health(self) -> dict[str, Any]:
        """What ``ping`` tells beyond being alive."""
        return {}

    def gauges(self) -> None:
        """Bring gauges up to date before a snapshot."""

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run a part of the actor's work. If it fails the process ends and Ray starts it anew: half an actor helps nobody."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        if (error := task.exception()) is not None:
            log.critical("actor.failed name=%s", self.name, exc_info=error)
            logging.shutdown()
            machine.end(70)

    # -- life ----------------------------------------------------------------------------------------------------
    async def _main(self) -> None:
        address = self.address
        self.journal = machine.backend("journal") or RedisJournal.connect(
            address.url,
            replicas=address.replicas,
            confirm_timeout_s=address.confirm_timeout_s,
            retention_s=address.retention_s,
            cipher=self._vault,
        )
        self.journal.watch(self._journal_called)
        raw = None
        while raw is None:
            with contextlib.suppress(JournalError):
                raw = await self.journal.get_value(SETTINGS_VALUE)
            if raw is None:
                log.warning("actor.waits name=%s for=journal", self.name)
                await asyncio.sleep(CONNECT_RETRY_S)
        await self._await_keys()
        self.settings = load_settings_bytes(raw)
        self._settings_octets = raw
        self._wake = machine.backend("wake") or RedisWake.connect(self.address.url)
        machine.settle()
        self.spawn(self._listen())
        self.spawn(self._look_at_settings())
        begun_with = raw
        await self.run()
        self.started.set()
        if self._settings_octets != begun_with:
            await self.settings_changed()

    async def _await_keys(self) -> None:
        """Without the keys that the journal was written with nothing begins: it would take for broken what is only locked."""
        if self._vault is None:
            return
        while True:
            with contextlib.suppress(JournalError):
                ring = await self.journal.get_value(KEYS_VALUE)
                self._vault.refresh()
                if ring is None or ring[:16] == self._vault.ring:
                    return
            log.warning("actor.waits name=%s for=keys", self.name)
            await asyncio.sleep(CONNECT_RETRY_S)

    def _journal_called(self, script: str, took_s: float, why: str) -> None:
        self.metrics.histogram("trunkline_journal_call_duration_seconds", script).observe(took_s)
        if why:
            self.metrics.counter("trunkline_journal_errors", script, why).add()

    async def _listen(self) -> None:
        async for _topic, name in self._wake.listen(VALUE_TOPIC):
            if name == SETTINGS_VALUE:
                await self.reload()
            elif name == KEYS_VALUE and self._vault is not None:
                self._vault.refresh()
            else:
                await self.value_changed(name)

    async def _look_at_settings(self) -> None:
        while True:
            await asyncio.sleep(SETTINGS_LOOK_S)
            if self._vault is not None:
                self._vault.refresh()
            await self.reload()

    # -- calls from outside --------------------------------------------------------------------------------------
    async def reload(self) -> None:
        """Read the settings again; nothing happens when they are the same, or cannot be read by this release."""
        try:
            raw = await self.journal.get_value(SETTINGS_VALUE)
        except JournalError:
            return
        if raw is None or raw == self._settings_octets:
            return
        self._settings_octets = raw
        try:
            self.settings = load_settings_bytes(raw)
        except ConfigError as error:
            log.error("actor.settings_unreadable name=%s problems=%d", self.name, len(error.problems))  # noqa: TRY400 (the trace could show secrets)
            return
        # A call that came before the actor's own work began would meet half an actor: the work begins with these settings.
        if self.started.is_set():
            await self.settings_changed()

    async def ping(self) -> dict[str, Any]:
        """Alive, and how."""
        told = {
            "name": self.name,
            "pid": os.getpid(),
            "incarnation": machine.incarnation(),
            "code": CODE,
            "ready": self.started.is_set(),
        }
        return told | self.health()

    async def snapshot(self) -> bytes:
        """This process's metrics."""
        self.gauges()
        return snapshot(self.metrics)

    async def stop(self, within_s: float = 5.0) -> None:
        """Drain and let go of everything; the process may be killed afterwards."""
        await self.drain(within_s)

    @staticmethod
    def now_ms() -> int:
        """Wall clock, milliseconds since 1970."""
        return machine.now_ms()
