"""Courier: delivers webhook events, signed, at least once, and keeps trying to the schedule."""

import asyncio
import logging
from functools import partial
from typing import Any, Final

from actors import machine
from actors.batching import Outbox, Pause
from actors.partitions import share_of
from actors.shell import JournalAddress, Shell
from actors.waiting import woken
from carriers.webhook import WebhookSender
from router.journal.port import JournalError, Notice
from router.journal.wake import NOTICE_TOPIC
from router.record import ErasedRecord, UnreadableRecord, unpack_body
from router.settings import Tenant, Webhook
from router.webhook_event import event_of
from router.webhooks import Dead, Disable, Done, RetryAt, WebhookAnswer, after, decode_secret, event_type, headers, wanted

log = logging.getLogger("trunkline.courier")

LEASE_S: Final = 60.0  # four times the longest delivery; a courier that died leaves its events for so long
CLAIM_LIMIT: Final = 200
IN_HAND_LIMIT: Final = 1_000
LOOK_S: Final = 1.0  # without a wake call
CLAIM_PAUSE_S: Final = 0.01  # between claims: what a busy courier adds to an event
SETTLE_LIMIT: Final = 500
_EVERYTHING: Final = ("*",)
SETTLE_PAUSE_S: Final = 0.01  # between calls about few events: the endpoint has its event already


class Courier(Shell):
    """Owns nothing: events stay in the journal until they are acknowledged. May forget everything."""

    kind = "courier"

    def __init__(self, name: str, address: JournalAddress, index: int) -> None:
        self._index = index
        self._partitions: list[int] = []
        self._mine: frozenset[int] = frozenset()
        self._hot: set[int] = set()
        self._stir = asyncio.Event()
        self._in_hand = 0
        self._leaving = False
        self._tenants: dict[str, Tenant] = {}
        self._secrets: dict[str, list[bytes]] = {}
        self._gone: dict[str, str] = {}  # endpoints that answered 410, until the settings change or this process does
        self._sender: WebhookSender
        self._done: Outbox[Notice]
        self._retry: Outbox[tuple[Notice, int]]
        self._dead: Outbox[Notice]
        super().__init__(name, address)
        self._duration = self.metrics.histogram("trunkline_webhook_duration_seconds")

    def __repr__(self) -> str:
        return f"{self.name} · {self._in_hand} deliveries under way"

    async def run(self) -> None:
        rules = self.settings.webhooks
        self._sender = machine.backend("webhooks") or WebhookSender(
            allow_hosts=rules.allow_hosts, timeout_s=rules.timeout_s, concurrency=rules.concurrency
        )
        await self.settings_changed()
        self._done = Outbox("notices_done", self.journal.settle_notices, limit=SETTLE_LIMIT, pause_s=SETTLE_PAUSE_S)
        self._retry = Outbox("notices_retry", self.journal.retry_notices, limit=SETTLE_LIMIT, pause_s=SETTLE_PAUSE_S)
        self._dead = Outbox("notices_dead", self.journal.bury_notices, limit=SETTLE_LIMIT, pause_s=SETTLE_PAUSE_S)
        for box in (self._done, self._retry, self._dead):
            self.spawn(box.run())
        self.spawn(self._hear())
        self.spawn(self._work())

    async def settings_changed(self) -> None:
        self._tenants = {tenant.id: tenant for tenant in self.settings.tenants}
        self._secrets = {
            tenant.id: [decode_secret(secret) for secret in tenant.webhook.secrets]
            for tenant in self.settings.tenants
            if tenant.webhook is not None
        }
        self._gone.clear()
        # Two couriers that look at one partition for a moment do no harm: a claimed event is leased.
        self._partitions = share_of(self._index, self.settings.workers.couriers)
        self._mine = frozenset(self._partitions)
        self._hot = set(self._partitions)
        self._stir.set()

    async def _hear(self) -> None:
        async for _topic, payload in self._wake.listen(NOTICE_TOPIC):
            partition = int(payload)
            if partition in self._mine:
                self._hot.add(partition)
                self._stir.set()

    async def _work(self) -> None:
        looked_s = 0.0
        pause = Pause(CLAIM_PAUSE_S)
        while True:
            if await woken(self._stir, LOOK_S):
                await pause.before(0)
            self._stir.clear()
            if machine.monotonic() - looked_s > LOOK_S:
                looked_s = machine.monotonic()
                self._hot.update(self._partitions)
            room = min(CLAIM_LIMIT, IN_HAND_LIMIT - self._in_hand)
            if not self._hot or room <= 0 or self._leaving:
                continue
            hot, self._hot = self._hot, set()
            try:
                notices = await self.journal.claim_notices(self.name, sorted(hot), room, LEASE_S)
            except JournalError as error:
                log.warning("courier.journal_down error=%s", type(error).__name__)
                await asyncio.sleep(0.2)
                continue
            if len(notices) >= room:
                self._hot |= hot
                self._stir.set()
            pause.after()
            for notice in notices:
                self._deliver(notice)

    def _deliver(self, notice: Notice) -> None:
        """Have it delivered, without a task: the sender calls back. What is not to be delivered is settled at once."""
        try:
            body = unpack_body(notice.body)
            payload = event_of(notice, body)
        except ErasedRecord:
            self._done.put([notice])  # there is nothing left to tell
            return
        except UnreadableRecord:
            log.error("courier.unreadable event=%s", notice.event_id)  # noqa: TRY400 (the trace would show the record)
            self._dead.put([notice])  # one of a later release can be replayed by that one
            self._count("dead")
            return
        tenant = self._tenants.get(body.tenant)
        endpoint: Webhook | None = tenant.webhook if tenant else None
        url = body.webhook_url or (endpoint.url if endpoint else "")
        # An address given with the message is told everything; the tenant's own endpoint says what it wants to hear.
        patterns = _EVERYTHING if body.webhook_url or endpoint is None else endpoint.events
        if not url or not wanted(patterns, event_type(notice.state)):
            self._done.put([notice])
            return
        if url in self._gone:
            self._dead.put([notice])
            self._count("disabled")
            return
        signed = headers(self._secrets.get(body.tenant, []), notice.event_id, int(machine.time()), payload)
        self._in_hand += 1
        told = partial(self._answered, notice, url, machine.monotonic())
        self._sender.post(url, signed, payload, told, together=endpoint.pipeline if endpoint else 1)

    def _answered(self, notice: Notice, url: str, started_s: float, answer: WebhookAnswer) -> None:
        self._in_hand -= 1
        if self._hot:
            self._stir.set()
        self._duration.observe(machine.monotonic() - started_s)
        match after(answer, notice.tries, self.now_ms(), self.rng):
            case Done():
                self._done.put([notice])
                self._count("delivered")
            case RetryAt(at_ms, reason):
                log.info("courier.retry event=%s tries=%d reason=%s", notice.event_id, notice.tries + 1, reason)
                self._retry.put([(notice, at_ms)])
                self._count("refused" if answer.refused else "retried")
            case Dead(reason):
                log.warning("courier.dead event=%s reason=%s", notice.event_id, reason)
                self._dead.put([notice])
                self._count("dead")
            case Disable(reason):
                log.warning("courier.disabled event=%s reason=%s", notice.event_id, reason)
                self._gone[url] = reason
                self._dead.put([notice])
                self._count("disabled")

    def _count(self, outcome: str) -> None:
        self.metrics.counter("trunkline_webhooks", outcome).add()

    async def drain(self, within_s: float) -> None:
        if not self.started.is_set():
            return
        self._leaving = True
        deadline_s = machine.monotonic() + within_s
        while self._in_hand and machine.monotonic() < deadline_s:
            await asyncio.sleep(0.01)
        for box in (self._done, self._retry, self._dead):
            await asyncio.wait_for(box.flushed(), within_s)

    def gauges(self) -> None:
        self.metrics.gauge("trunkline_webhooks_claimed_now").set(self._in_hand)

    def health(self) -> dict[str, Any]:
        return {"in_hand": self._in_hand}
