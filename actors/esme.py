"""Esme: the door that speaks SMPP. Customers' gateways bind here, send, and fetch receipts and messages from handsets."""

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import Any, Final

from actors.door import Door
from actors.partitions import share_of
from actors.peers import PeerCalls
from actors.shell import JournalAddress
from actors.smpp.errands import Errands
from actors.smpp.parts import Parts
from actors.smpp.passwords import Verifier
from actors.smpp.post import Post
from actors.smpp.submissions import Submissions
from carriers.smpp import commands as c
from carriers.smpp.events import Request
from carriers.smpp.server.listener import SmppListener
from carriers.smpp.server.port import Line, Outcome
from router.journal.wake import CHANNEL_TOPIC
from router.settings import SmppAccount

log = logging.getLogger("trunkline.esme")

SUBMITS: Final = frozenset({c.SUBMIT_SM, c.SUBMIT_MULTI, c.DATA_SM})
LISTEN_RETRY_S: Final = 0.5  # the predecessor's socket may take a moment to go
TIDY_S: Final = 30.0
TIDY_LIMIT: Final = 1_000


class Esme(Door):
    """Owns the sessions of customers. May forget everything: they bind again, and events stay until they are taken."""

    kind = "esme"

    def __init__(self, name: str, address: JournalAddress, index: int, peers: PeerCalls) -> None:
        self._index = index
        self._verifier = Verifier()
        self._listener: SmppListener
        self._post: Post
        self._parts: Parts
        self._submissions: Submissions
        self._errands: Errands
        self._in_hand = 0
        super().__init__(name, address, peers)

    def __repr__(self) -> str:
        if not self.started.is_set():
            return f"{self.name} · starting"
        bound = self._listener.bound()
        sessions = sum(total for total, _ in bound.values())
        return f"{self.name} · :{self._listener.port} · {sessions} sessions of {len(bound)} accounts · {self._in_hand} in hand"

    async def run(self) -> None:
        self._listener = SmppListener(self.settings.smpp, self, clock=time.monotonic)
        self._post = Post(self, self._listener)
        self._parts = Parts(self, lambda: self._verifier.accounts, self._partitions)
        self._submissions = Submissions(self, self._parts)
        self._errands = Errands(self)
        await self.open()
        for box in self._parts.boxes:
            self.spawn(box.run())
        self.spawn(self._parts.keep_looking())
        self.spawn(self._post.run())
        self.spawn(self._hear())
        self.spawn(self._keep_tidy())
        while True:
            try:
                await self._listener.start()
                break
            except OSError as error:
                log.error("esme.cannot_listen name=%s error=%s", self.name, error)  # noqa: TRY400 (the words say it)
                await asyncio.sleep(LISTEN_RETRY_S)
        log.info("esme.listening name=%s port=%d tls_port=%d", self.name, self._listener.port, self._listener.tls_port)

    def _partitions(self) -> list[int]:
        return share_of(self._index, self.settings.smpp.servers)

    async def settings_changed(self) -> None:
        await super().settings_changed()
        accounts = {account.system_id: account for account in self.settings.accounts}
        self._verifier.retune(accounts.values())
        self._listener.retune(accounts, self.settings.smpp)
        self._post.retune(accounts)

    async def _hear(self) -> None:
        async for _topic, payload in self._wake.listen(CHANNEL_TOPIC):
            partition, _, system_id = payload.partition(":")
            self._post.heard(int(partition), system_id)

    async def _keep_tidy(self) -> None:
        while True:
            await asyncio.sleep(TIDY_S)
            await self._post.drop_outdated(self._partitions(), TIDY_LIMIT)

    # -- what the listener tells -------------------------------------------------------------------------------------
    async def verify(self, system_id: str, password: str) -> SmppAccount | None:
        """Whose bind it is."""
        return await self._verifier.verify(system_id, password)

    def asked(self, line: Line, requests: list[Request]) -> None:
        """Requests of one read."""
        submits = [request for request in requests if request.command in SUBMITS]
        if submits:
            self._in_hand += len(submits)
            self.spawn(self._take(line, submits))
        for request in requests:
            if request.command not in SUBMITS:
                self.spawn(self._errands.run(line, request))

    async def _take(self, line: Line, submits: Sequence[Request]) -> None:
        started_s = time.monotonic()
        try:
            await self._submissions.take(line, submits)
        finally:
            self._in_hand -= len(submits)
        took = self.metrics.histogram("trunkline_smpp_submit_duration_seconds")
        took.observe_many([time.monotonic() - started_s] * len(submits))

    def settled(self, system_id: str, outcomes: list[Outcome]) -> None:
        """Deliveries have ended."""
        self._post.settled(system_id, outcomes)

    def room(self, system_id: str) -> None:
        """An account takes deliveries."""
        self._post.room(system_id)

    # -- operations --------------------------------------------------------------------------------------------------
    async def drain(self, within_s: float) -> None:
        if not self.started.is_set():
            return
        await self._listener.close(within_s)
        await asyncio.wait_for(self._post.flushed(), within_s)
        for box in self._parts.boxes:
            await asyncio.wait_for(box.flushed(), within_s)

    def gauges(self) -> None:
        super().gauges()
        if not self.started.is_set():
            return
        bound = self._listener.bound()
        self.metrics.gauge("trunkline_smpp_sessions", "all").set(sum(total for total, _ in bound.values()))
        self.metrics.gauge("trunkline_smpp_sessions", "receiving").set(sum(receiving for _, receiving in bound.values()))
        self.metrics.gauge("trunkline_deliveries_now").set(self._post.under_way)

    def health(self) -> dict[str, Any]:
        listening = self.started.is_set()
        return {
            "port": self._listener.port if listening else 0,
            "tls_port": self._listener.tls_port if listening else 0,
            "faults": list(self.faults),
        }

    async def accounts(self) -> dict[str, dict[str, int]]:
        """What ``/v1/accounts`` shows: sessions by system_id."""
        if not self.started.is_set():
            return {}
        return {name: {"sessions": total, "receivers": receiving} for name, (total, receiving) in self._listener.bound().items()}
