"""What carriers send on their own: receipts are handed up and only then acknowledged."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final

from carriers.port import ReceiptIn, ReceiptsCallback
from carriers.smpp.commands import ALERT_NOTIFICATION, RMSGQFUL, ROK, RSYSERR, RX_P_APPN
from carriers.smpp.counters import LinkCounters
from carriers.smpp.events import Request
from carriers.smpp.id_watch import IdWatch
from carriers.smpp.messages import Data, Message
from carriers.smpp.receipts import Malformed, read_receipt, receipt_id
from carriers.smpp.shell import SessionShell
from router.settings import CarrierProfile

log: Final = logging.getLogger(__name__)

MAX_WAITING: Final = 20_000  # receipts not yet acknowledged, all sessions; SMSCs have windows of 10 to 100, so it is a fuse
MAX_BATCH: Final = 2_000  # receipts handed up at once: more would delay the acknowledgement of the first


class Inbox:
    """Receipts of one link. One call of ``on_receipts`` is under way at a time; what arrives meanwhile is the next batch."""

    def __init__(
        self,
        profile: CarrierProfile,
        *,
        counters: LinkCounters,
        ids: IdWatch,
        on_receipts: ReceiptsCallback,
        wall: Callable[[], float],
    ) -> None:
        """``wall`` stamps arrivals."""
        self._profile = profile
        self._counters = counters
        self._ids = ids
        self._on_receipts = on_receipts
        self._wall = wall
        self._receipts: list[ReceiptIn] = []
        self._asked: list[tuple[SessionShell, int, int]] = []  # shell, command, sequence: one a receipt
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    def take(self, shell: SessionShell, requests: Sequence[Request]) -> None:
        """Requests of one read. What is no receipt is answered at once; the shell flushes after its callback."""
        at_s = self._wall()
        by_text = self._profile.receipt_by_text
        mode = self._profile.receipt_ids
        session = shell.session
        counters = self._counters
        watch = self._ids
        seen: list[str] = []  # ids as the carrier wrote them
        for command, sequence, body in requests:
            if command == ALERT_NOTIFICATION:
                continue  # has no answer, and nobody asked to be told
            if isinstance(body, Message):
                found = read_receipt(body.short_message, body.tlvs, esm_class=body.esm_class, by_text=by_text)
            elif isinstance(body, Data):
                found = read_receipt(b"", body.tlvs, esm_class=body.esm_class, by_text=by_text)
            else:
                continue  # the law lets an SMSC send nothing else
            if found is None:
                # A message from a handset. Refused for good: with a temporary status it would come again for ever, and
                # with ESME_ROK the carrier would believe that somebody has it.
                counters.mo += 1
                session.respond(command, sequence, RX_P_APPN)
            elif isinstance(found, Malformed):
                counters.receipts_malformed += 1
                log.warning("carrier.receipt_malformed carrier=%s reason=%s", self._profile.name, found.reason)
                session.respond(command, sequence, ROK)  # else it comes again for ever
            elif len(self._receipts) >= MAX_WAITING:
                counters.receipts_put_off += 1
                session.respond(command, sequence, RMSGQFUL)
            else:
                carrier_id = receipt_id(found.carrier_id, mode)
                seen.append(found.carrier_id)
                self._receipts.append(ReceiptIn(carrier_id, found.state, found.stat, found.err, at_s))
                self._asked.append((shell, command, sequence))
        if seen:
            watch.received(seen, at_s)
        if self._receipts:
            self._idle.clear()
            self._wake.set()

    async def run(self) -> None:
        """Hand up and acknowledge, until cancelled."""
        while True:
            await self._wake.wait()
            receipts, self._receipts = self._receipts[:MAX_BATCH], self._receipts[MAX_BATCH:]
            asked, self._asked = self._asked[:MAX_BATCH], self._asked[MAX_BATCH:]
            if not self._receipts:
                self._wake.clear()
            status = ROK
            try:
                await self._on_receipts(receipts)
            except Exception as error:  # noqa: BLE001 whatever it is, the receipts are not durable: they must come again
                status = RSYSERR
                self._counters.receipts_put_off += len(receipts)
                log.warning(
                    "carrier.receipts_put_off carrier=%s count=%d error=%s",
                    self._profile.name,
                    len(receipts),
                    type(error).__name__,
                )
            else:
                self._counters.receipts += len(receipts)
            for shell, command, sequence in asked:
                shell.session.respond(command, sequence, status)
            for shell in {shell for shell, _, _ in asked}:
                shell.flush()
            if not self._receipts:
                self._idle.set()

    async def empty(self, timeout_s: float) -> None:
        """Wait until everything taken has been answered, at most ``timeout_s``."""
        try:
            await asyncio.wait_for(self._idle.wait(), timeout_s)
        except TimeoutError:
            log.warning("carrier.receipts_unanswered carrier=%s count=%d", self._profile.name, len(self._asked))
