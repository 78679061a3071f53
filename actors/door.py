"""What the doors of the system share, whatever is spoken at them: limits, room, and a group commit into the journal."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from actors import machine
from actors.batching import GroupCommit
from actors.peers import PeerCalls
from actors.shell import SETTINGS_VALUE, JournalAddress, Shell
from actors.tokens import TokenDesk
from router.ids import PARTITIONS
from router.journal.port import Accepted, Depth, Intake, JournalError
from router.limits import Admitted, Refused
from router.model import MessageClass
from router.pressure import Gate
from router.terms import Terms

log = logging.getLogger("trunkline.door")

COMMIT_LIMIT: Final = 1_000  # messages one accept writes
COMMIT_PAUSE_S: Final = 0.002  # between commits of few messages: what a busy door adds to an answer
CHANCE_OCTETS: Final = 640  # of 64 ids
LOOK_S: Final = 1.0  # how often the journal's pressure is looked at


class Door(Shell):
    """Owns caches, leased tokens and the intake buffer. May forget everything: nothing is acknowledged before it is durable."""

    def __init__(self, name: str, address: JournalAddress, peers: PeerCalls) -> None:
        self.terms: Terms
        self.faults: Sequence[str] = ("starting",)  # why nothing can be taken; empty when all is well
        self.accepted = 0
        self._desk = TokenDesk(name, peers, self.spawn)
        self.depths: Mapping[MessageClass, Depth] = {}  # of the queues, when they were last looked at
        self._gate = Gate()
        self._partition = int.from_bytes(machine.urandom(1), "big") % PARTITIONS
        self._chance = b""
        super().__init__(name, address)
        self._commit = GroupCommit[Intake, Accepted](self._accept, limit=COMMIT_LIMIT, pause_s=COMMIT_PAUSE_S)

    async def open(self) -> None:
        """Know the terms and the journal's state, and go on looking; called once at the beginning of ``run``."""
        await self.settings_changed()
        await self.look()
        self.spawn(self._keep_looking())

    async def settings_changed(self) -> None:
        self.terms = Terms.compile(self.settings, version=machine.time_ns(), secret=machine.urandom(32))
        self._desk.retune(self.settings)

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            await self.look()

    async def look(self) -> None:
        """See how full the journal is, and whether it answers."""
        try:
            pressure = await self.journal.pressure()
            # Its figures are told while the server still loads its data; a value is not.
            await self.journal.get_value(SETTINGS_VALUE)
            self.depths = await self.journal.depths()
        except JournalError as error:
            self.faults = (f"the journal does not answer ({type(error).__name__})",)
            return
        self.faults = ()
        waiting = sum(depth.queued for depth in self.depths.values())
        self._gate.looked(pressure, waiting + self.becoming_durable, self.settings.journal.queue_limit)

    def partition(self) -> int:
        """The partition for the next run of messages: one for all that share a commit."""
        return self._partition

    def entropy(self, octets: int) -> bytes:
        """So many unpredictable octets, none of them twice. From a store: the system takes as long for ten of them as for a thousand."""
        taken, self._chance = self._chance[:octets], self._chance[octets:]
        if len(taken) < octets:
            taken += machine.urandom(octets - len(taken))
            self._chance = machine.urandom(CHANCE_OCTETS)
        return taken

    def admit(self, tenant: str, messages: int, spend_micros: int) -> Admitted | Refused:
        """Spend leased tokens; asks for more in the background when they run low."""
        verdict = self._desk.admit(tenant, messages, spend_micros, machine.time_ns() // 1_000)
        if isinstance(verdict, Refused):
            self.metrics.counter("trunkline_limiter_refusals", verdict.rule).add(messages)
        return verdict

    def sheds(self, klass: MessageClass) -> str:
        """Why this class is refused now."""
        return self._gate.why(klass)

    async def submit(self, items: Sequence[Intake]) -> list[Accepted]:
        """Make messages durable, together with what others bring meanwhile."""
        self._gate.took(len(items))
        return list(await self._commit.add(items))

    def offer(self, items: Sequence[Intake], told: Callable[[Sequence[Accepted] | Exception], None]) -> None:
        """The same without a future."""
        self._gate.took(len(items))
        self._commit.put(items, told)

    async def _accept(self, items: list[Intake]) -> list[Accepted]:
        self._partition = (self._partition + 1) % PARTITIONS
        accepted = await self.journal.accept(items)
        self.accepted += len(items)
        return accepted

    @property
    def becoming_durable(self) -> int:
        """Messages that wait for a commit or are in one."""
        return self._commit.size

    def gauges(self) -> None:
        self.metrics.gauge("trunkline_intake_waiting").set(self._commit.size)

    def count_accepted(self, tenant: str, klass: MessageClass, messages: int, segments: int) -> None:  # noqa: ARG002 (the port's)
        """So many were made durable. No tenant label: that is what the archive is for."""
        self.metrics.counter("trunkline_accepted", klass.word).add(messages)

    def count_canceled(self) -> None:
        """A message was taken back."""
        self.metrics.counter("trunkline_canceled").add()

    def count_refused(self, tenant: str, code: str, messages: int) -> None:  # noqa: ARG002 (the port's)
        """So many were refused."""
        self.metrics.counter("trunkline_refused", "", code).add(messages)
