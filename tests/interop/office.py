"""Our SMPP server with somebody behind it who keeps everything in memory: reads, joins, answers, sends receipts."""

import time
from itertools import count
from typing import Any

from carriers.customers.joining import join_parts
from carriers.customers.reading import Fault, Submission, group_of, read
from carriers.smpp import commands as c
from carriers.smpp.events import Request
from carriers.smpp.messages import Data, Message, pack_message, pack_message_id
from carriers.smpp.operations import Found, Query, pack_found
from carriers.smpp.receipts import write_receipt
from carriers.smpp.server.listener import SmppListener
from carriers.smpp.server.port import Delivery, Line, Outcome, Verdict
from router.settings import SmppAccount, SmppServer
from router.text.segments import split

PASSWORDS = {"acme": "secret12", "small": "secret34"}
HASH = "scrypt$1$1$1$00$00"  # not asked here: the passwords stand above


class Office:
    """``carriers.smpp.server.port.Customers``, complete in one process."""

    def __init__(self, **settings: Any) -> None:
        """``settings``: of the server, besides a free port."""
        self.accounts = {
            "acme": SmppAccount(system_id="acme", tenant="acme", password=HASH, max_binds=4),
            "small": SmppAccount(system_id="small", tenant="acme", password=HASH, max_binds=1),
        }
        self.listener = SmppListener(SmppServer(port=0, **settings), self, clock=time.monotonic)
        self.submissions: list[Submission] = []
        self.texts: list[tuple[str, str, str]] = []  # (source, destination, text) of whole messages
        self.ids: list[str] = []
        self.statuses: list[int] = []  # of the next submits
        self.outcomes: list[Outcome] = []
        self.stat = "DELIVRD"
        self._numbers = count(1)
        self._groups: dict[bytes, dict[int, Submission]] = {}
        self._waiting: dict[str, list[Delivery]] = {name: [] for name in self.accounts}

    # -- the port

    async def verify(self, system_id: str, password: str) -> SmppAccount | None:
        return self.accounts.get(system_id) if PASSWORDS.get(system_id) == password else None

    def asked(self, line: Line, requests: list[Request]) -> None:
        for request in requests:
            match request.body:
                case Message() | Data() as message:
                    self._submitted(line, request, message)
                case Query(message_id):
                    if message_id in self.ids:
                        line.answer(request, body=pack_found(Found(message_id, "260101000100000+", 2, 0)))
                    else:
                        line.answer(request, c.RINVMSGID)
                case _:
                    line.answer(request, c.RINVCMDID)
        for system_id in self.accounts:
            self.room(system_id)

    def settled(self, system_id: str, outcomes: list[Outcome]) -> None:
        self.outcomes += outcomes
        self._waiting[system_id] += [outcome.token for outcome in outcomes if outcome.verdict == Verdict.RETRY]

    def room(self, system_id: str) -> None:
        while (room := self.listener.room(system_id)) and self._waiting[system_id]:
            batch, self._waiting[system_id] = self._waiting[system_id][:room], self._waiting[system_id][room:]
            self.listener.deliver(system_id, batch)

    # -- its own

    @property
    def taken(self) -> int:
        """Deliveries that the customer has taken."""
        return sum(outcome.verdict == Verdict.TAKEN for outcome in self.outcomes)

    def send(self, system_id: str, source: str, text: str, encoding: str = "gsm7") -> None:
        """A message from a handset to the customer."""
        parts = split(text, encoding, next(self._numbers))
        coding = 8 if encoding == "ucs2" else 0
        esm_class = c.ESM_UDHI if parts.udh else 0
        bodies = tuple(
            pack_message(Message(source, "12345", part, esm_class, coding, source_ton=1, source_npi=1, destination_ton=3))
            for part in parts.parts
        )
        self._deliver(system_id, lambda _: bodies)
        self.room(system_id)

    def _submitted(self, line: Line, request: Request, message: Message | Data) -> None:
        if status := self.statuses.pop(0) if self.statuses else 0:
            line.answer(request, status)
            return
        submission = read(message, line.account)
        if isinstance(submission, Fault):
            line.answer(request, submission.status)
            return
        self.submissions.append(submission)
        message_id = f"M{next(self._numbers):026}"
        self.ids.append(message_id)
        line.answer(request, body=pack_message_id(message_id))
        group = self._groups.setdefault(group_of(submission, line.account), {})
        group[submission.number] = submission
        if len(group) == submission.total:
            joined = join_parts([group[number] for number in sorted(group)], line.account)
            self.texts.append((submission.source, submission.destination, joined.text))
            group.clear()
        if submission.registered_delivery & 1:
            self._deliver(line.account.system_id, lambda version: (self._receipt(message_id, submission, version),))

    def _deliver(self, system_id: str, compose: Any) -> None:
        delivery = Delivery(None, compose)
        self._waiting[system_id].append(delivery._replace(token=delivery))

    def _receipt(self, message_id: str, submission: Submission, version: int) -> bytes:
        text, tlvs = write_receipt(message_id, self.stat, submitted_s=1_767_225_600, done_s=1_767_225_660)
        return pack_message(
            Message(
                submission.destination,
                submission.source,
                text,
                esm_class=c.ESM_RECEIPT,
                tlvs=tlvs if version >= 0x34 else {},
                source_ton=submission.destination_ton,
                source_npi=submission.destination_npi,
                destination_ton=submission.source_ton,
                destination_npi=submission.source_npi,
            )
        )
