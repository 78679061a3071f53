"""Receipts and messages from handsets on their way to customers: claimed from the journal, delivered, settled."""

import asyncio
import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from actors.batching import Outbox
from actors.shell import Shell
from actors.waiting import woken
from carriers.customers.inbound import inbound_of
from carriers.customers.receipts import TLV_VERSION, receipts_of
from carriers.smpp.server.port import Delivery, Outcome, Server, Verdict
from router.ids import PARTITIONS, created_ms
from router.journal.port import JournalError, Notice
from router.model import State
from router.record import Body, EventKind, NewerRecord, UnreadableRecord, unpack_body, unpack_events
from router.settings import SmppAccount

log = logging.getLogger("trunkline.esme")

LEASE_S: Final = 120.0  # a server that died leaves its events for so long
CLAIM_LIMIT: Final = 200  # events claimed ahead of the windows: a call costs much the same for one as for fifty
STOCK_S: Final = 30.0  # what was claimed and not written for so long is claimed anew later: its lease may end
LOOK_S: Final = 1.0  # without a wake call
SETTLE_LIMIT: Final = 500
SETTLE_PAUSE_S: Final = 0.01
RETRY_FIRST_S: Final = 15.0  # between attempts at one delivery that the customer puts off …
RETRY_LAST_S: Final = 3_600.0  # … growing to this
RETRY_CUT_S: Final = 1.0  # after a session that ended, or no answer: the customer may be back already


Compose = Callable[[int], tuple[bytes, ...]]  # as of ``Delivery``


class Mailbox:
    """One account's events."""

    def __init__(self, account: SmppAccount) -> None:
        self.account = account
        self.hot: set[int] = set(range(PARTITIONS))  # partitions where events may stand
        self.stock: deque[tuple[float, Notice, Compose]] = (
            deque()
        )  # claimed and not handed to a session, with the time of the claim
        self.claiming = False
        self.looked_s = 0.0
        self.done: Outbox[Notice]
        self.retry: Outbox[tuple[Notice, int]]
        self.tasks: list[asyncio.Task[None]] = []
        self.reference = 0  # of the last long message


class Post:
    """Owns nothing: events stay in the journal until a customer has taken them. May forget everything."""

    def __init__(self, shell: Shell, server: Server) -> None:
        self._shell = shell
        self._server = server
        self._boxes: dict[str, Mailbox] = {}
        self._stir = asyncio.Event()
        self.under_way = 0

    def retune(self, accounts: dict[str, SmppAccount]) -> None:
        """The accounts are these now."""
        for system_id, account in accounts.items():
            box = self._boxes.get(system_id)
            if box is None:
                box = self._boxes[system_id] = Mailbox(account)
                box.done = Outbox(
                    "deliveries_done", partial(_settle, self._shell, system_id), limit=SETTLE_LIMIT, pause_s=SETTLE_PAUSE_S
                )
                box.retry = Outbox(
                    "deliveries_retry", partial(_retry, self._shell, system_id), limit=SETTLE_LIMIT, pause_s=SETTLE_PAUSE_S
                )
                box.tasks = [self._shell.spawn(one.run()) for one in (box.done, box.retry)]
            box.account = account
        for system_id in self._boxes.keys() - accounts.keys():
            for task in self._boxes.pop(system_id).tasks:
                task.cancel()
        self._stir.set()

    # -- what wakes it -----------------------------------------------------------------------------------------------
    def heard(self, partition: int, system_id: str) -> None:
        """An event of the account stands in the partition."""
        box = self._boxes.get(system_id)
        if box is not None:
            box.hot.add(partition)
            self._stir.set()

    def room(self, system_id: str) -> None:
        """The account takes deliveries again."""
        if system_id in self._boxes:
            self._stir.set()

    # -- the way out -------------------------------------------------------------------------------------------------
    async def run(self) -> None:
        """Work for ever."""
        while True:
            await woken(self._stir, LOOK_S)
            self._stir.clear()
            now_s = time.monotonic()
            for system_id, box in list(self._boxes.items()):
                room = self._server.room(system_id)
                if room <= 0:
                    continue
                self._hand_over(system_id, box, room, now_s)
                if now_s - box.looked_s > LOOK_S:
                    box.looked_s = now_s
                    box.hot.update(range(PARTITIONS))
                if box.hot and not box.claiming and len(box.stock) < CLAIM_LIMIT // 2:
                    box.claiming = True
                    self._shell.spawn(self._claim(system_id, box))

    def _hand_over(self, system_id: str, box: Mailbox, room: int, now_s: float) -> None:
        batch: list[Delivery] = []
        while box.stock and len(batch) < room:
            claimed_s, notice, compose = box.stock.popleft()
            if now_s - claimed_s > STOCK_S:
                box.retry.put([(notice._replace(tries=notice.tries - 1), 0)])  # nobody has tried
                continue
            batch.append(Delivery((notice, now_s), compose))
        if batch:
            self.under_way += len(batch)
            self._server.deliver(system_id, batch)

    async def _claim(self, system_id: str, box: Mailbox) -> None:
        hot, box.hot = box.hot, set()
        try:
            notices = await self._shell.journal.claim_notices(
                self._shell.name, sorted(hot), CLAIM_LIMIT, LEASE_S, channel=system_id
            )
        except JournalError as error:
            log.warning("esme.journal_down error=%s", type(error).__name__)
            box.hot |= hot
            await asyncio.sleep(0.2)
            return
        finally:
            box.claiming = False
        if len(notices) >= CLAIM_LIMIT:
            box.hot |= hot
        now_s = time.monotonic()
        for notice in notices:
            self._stock(box, notice, now_s)
        if notices:
            self._stir.set()

    def _stock(self, box: Mailbox, notice: Notice, now_s: float) -> None:
        """Keep what is to be delivered; what nobody asked to hear is settled."""
        compose: Compose | None = None
        try:
            body = unpack_body(notice.body)
            if body.inbound is not None:
                box.reference = (box.reference + 1) & 0xFFFF
                compose = partial(_inbound, body, box.account, box.reference)
            elif receipts := receipts_of(notice, body, TLV_VERSION):
                compose = partial(_receipts, notice, body, receipts)
        except NewerRecord:
            log.error("esme.newer_record event=%s", notice.event_id)  # noqa: TRY400 (the trace would show the record)
            return  # it comes again when its lease is over, perhaps to a server that can read it
        except ValueError:  # an ``UnreadableRecord``, or one whose fields no PDU holds
            log.error("esme.unreadable event=%s", notice.event_id)  # noqa: TRY400 (the trace would show the record)
        if compose is not None:
            box.stock.append((now_s, notice, compose))
        else:
            box.done.put([notice])

    # -- what came of it ---------------------------------------------------------------------------------------------
    def settled(self, system_id: str, outcomes: Sequence[Outcome]) -> None:
        """Deliveries have ended."""
        self.under_way -= len(outcomes)
        box = self._boxes.get(system_id)
        if box is None:
            return  # the account is gone; its events are dropped with their records
        done: list[Notice] = []
        again: list[tuple[Notice, int]] = []
        now_ms, now_s = self._shell.now_ms(), time.monotonic()
        metrics = self._shell.metrics
        duration = metrics.histogram("trunkline_delivery_duration_seconds")
        counted: Counter[tuple[str, str]] = Counter()
        for (notice, written_s), verdict, status in outcomes:
            kind = "receipt" if notice.state is not State.RECEIVED else "message"
            counted[kind, verdict.value] += 1
            if verdict is Verdict.TAKEN:
                duration.observe(now_s - written_s)
            if verdict is not Verdict.RETRY:
                done.append(notice)
            elif self._outdated(notice, now_ms):
                counted[kind, "given_up"] += 1
                log.warning("esme.delivery_given_up event=%s tries=%d", notice.event_id, notice.tries + 1)
                done.append(notice)
            else:
                wait_s = min(RETRY_FIRST_S * 2**notice.tries, RETRY_LAST_S) if status else RETRY_CUT_S
                again.append((notice, now_ms + int(wait_s * 1000)))
        for labels, times in counted.items():
            metrics.counter("trunkline_deliveries", *labels).add(times)
        box.done.put(done)
        box.retry.put(again)
        if self._server.room(system_id) > 0:
            self._stir.set()

    def _outdated(self, notice: Notice, now_ms: int) -> bool:
        """Whether it has been tried for longer than events are kept."""
        try:
            lines = unpack_events(notice.events)
        except UnreadableRecord:
            return True
        ends = [line[0] for line in lines if line[1] in {EventKind.FINAL, EventKind.RECEIVED}]
        ended_ms = ends[-1] if ends else created_ms(notice.id)
        return now_ms - ended_ms > self._shell.settings.smpp.keep_s * 1000

    # -- what nobody fetches -----------------------------------------------------------------------------------------
    async def drop_outdated(self, partitions: Sequence[int], limit: int) -> None:
        """Forget what customers who are away have not fetched in time."""
        keep_s = self._shell.settings.smpp.keep_s
        for system_id in list(self._boxes):
            try:
                dropped = await self._shell.journal.drop_notices(system_id, partitions, keep_s, limit)
            except JournalError:
                return
            if dropped:
                self._shell.metrics.counter("trunkline_deliveries_dropped").add(dropped)
                log.warning("esme.dropped account=%s events=%d", system_id, dropped)

    async def flushed(self) -> None:
        """Wait until the journal knows what was delivered."""
        for box in list(self._boxes.values()):
            await box.done.flushed()
            await box.retry.flushed()


async def _settle(shell: Shell, channel: str, notices: list[Notice]) -> None:
    await shell.journal.settle_notices(notices, channel=channel)


async def _retry(shell: Shell, channel: str, items: list[tuple[Notice, int]]) -> None:
    await shell.journal.retry_notices(items, channel=channel)


def _receipts(notice: Notice, body: Body, composed: tuple[bytes, ...], version: int) -> tuple[bytes, ...]:
    """What was composed when it was claimed, which is what most sessions read; anew for one of an older version."""
    return composed if version >= TLV_VERSION else receipts_of(notice, body, version)


def _inbound(body: Body, account: SmppAccount, reference: int, version: int) -> tuple[bytes, ...]:
    return inbound_of(body, account, version, reference)
