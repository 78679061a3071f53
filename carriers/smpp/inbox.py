"""What carriers send on their own: receipts and messages from handsets, handed up and only then acknowledged."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final

from carriers.port import InboundCallback, InboundIn, ReceiptIn, ReceiptsCallback
from carriers.smpp.commands import ALERT_NOTIFICATION, RMSGQFUL, ROK, RSYSERR
from carriers.smpp.counters import LinkCounters
from carriers.smpp.events import Request
from carriers.smpp.handsets import read_inbound
from carriers.smpp.id_watch import IdWatch
from carriers.smpp.messages import Data, Message
from carriers.smpp.receipts import Malformed, read_receipt, receipt_id
from carriers.smpp.shell import SessionShell
from carriers.smpp.tray import Tray
from router.settings import CarrierProfile

log: Final = logging.getLogger(__name__)

TEMPORARY: Final = frozenset((RSYSERR, RMSGQFUL))  # what has a carrier send it again; every other error is for good


Asked = tuple[SessionShell, int, int]  # a request to be answered: where, command, sequence. Plain, for there is one a receipt


class Inbox:
    """Receipts and messages of one link, each kind in a tray of its own: neither waits for the other."""

    def __init__(
        self,
        profile: CarrierProfile,
        *,
        counters: LinkCounters,
        ids: IdWatch,
        on_receipts: ReceiptsCallback,
        on_inbound: InboundCallback,
        on_final: Callable[[str], None] | None,
        wall: Callable[[], float],
    ) -> None:
        """``wall`` stamps arrivals; ``on_final`` hears the id of every receipt of a final state at once, None: nobody does."""
        self._profile = profile
        self._counters = counters
        self._ids = ids
        self._on_receipts = on_receipts
        self._on_final = on_final
        self._wall = wall
        self._receipts = Tray[ReceiptIn, Asked](f"{profile.name} receipts", keep=self._keep_receipts, answer=self._receipts_kept)
        self._messages = Tray[InboundIn, Asked](f"{profile.name} messages", keep=on_inbound, answer=self._messages_kept)

    def take(self, shell: SessionShell, requests: Sequence[Request]) -> None:
        """Requests of one read. What cannot wait here is answered at once; the shell flushes after its callback."""
        at_s = self._wall()
        by_text = self._profile.receipt_by_text
        mode = self._profile.receipt_ids
        session = shell.session
        counters = self._counters
        on_final = self._on_final
        seen: list[str] = []  # ids as the carrier wrote them
        receipts: list[ReceiptIn] = []
        messages: list[InboundIn] = []
        receipts_asked: list[Asked] = []
        messages_asked: list[Asked] = []
        receipts_room, messages_room = self._receipts.room, self._messages.room
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
                counters.mo += 1
                if len(messages) >= messages_room:
                    counters.mo_put_off += 1
                    session.respond(command, sequence, RMSGQFUL)
                else:
                    messages.append(read_inbound(body, at_s))
                    messages_asked.append((shell, command, sequence))
            elif isinstance(found, Malformed):
                counters.receipts_malformed += 1
                log.warning("carrier.receipt_malformed carrier=%s reason=%s", self._profile.name, found.reason)
                session.respond(command, sequence, ROK)  # else it comes again for ever
            elif len(receipts) >= receipts_room:
                counters.receipts_put_off += 1
                session.respond(command, sequence, RMSGQFUL)
            else:
                carrier_id = receipt_id(found.carrier_id, mode)
                seen.append(found.carrier_id)
                receipts.append(ReceiptIn(carrier_id, found.state, found.stat, found.err, at_s))
                receipts_asked.append((shell, command, sequence))
                if on_final is not None and found.state.final:
                    on_final(carrier_id)
        if seen:
            self._ids.received(seen, at_s)
        self._receipts.put(receipts, receipts_asked)
        self._messages.put(messages, messages_asked)

    async def run(self) -> None:
        """Hand up and acknowledge, until cancelled."""
        await asyncio.gather(self._receipts.run(), self._messages.run())

    async def empty(self, timeout_s: float) -> None:
        """Wait until everything taken has been answered, at most ``timeout_s``."""
        await asyncio.gather(self._receipts.empty(timeout_s), self._messages.empty(timeout_s))

    # -- inside

    async def _keep_receipts(self, receipts: list[ReceiptIn]) -> Sequence[int]:
        await self._on_receipts(receipts)
        return [ROK] * len(receipts)

    def _receipts_kept(self, asked: Sequence[Asked], statuses: Sequence[int]) -> None:
        kept = sum(1 for status in statuses if status == ROK)
        self._counters.receipts += kept
        self._counters.receipts_put_off += len(statuses) - kept
        _respond(asked, statuses)

    def _messages_kept(self, asked: Sequence[Asked], statuses: Sequence[int]) -> None:
        put_off = sum(1 for status in statuses if status in TEMPORARY)
        self._counters.mo_put_off += put_off
        self._counters.mo_refused += sum(1 for status in statuses if status != ROK) - put_off
        _respond(asked, statuses)


def _respond(asked: Sequence[Asked], statuses: Sequence[int]) -> None:
    shells: dict[SessionShell, list[tuple[int, int, int]]] = {}  # in order: a set of objects has one of its own every time
    for (shell, command, sequence), status in zip(asked, statuses, strict=True):
        shells.setdefault(shell, []).append((command, sequence, status))
    for shell, answers in shells.items():
        shell.session.respond_all(answers)
        shell.flush()
        shell.answered()
