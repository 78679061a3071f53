"""Our SMPP server with all that stands behind it but the journal: messages are read, settled and at once delivered."""

import time
from itertools import count
from typing import Any

from carriers.customers.inbound import inbound_of
from carriers.customers.message_ids import id_text, read_id
from carriers.customers.reading import Fault, Submission, group_of, read
from carriers.customers.receipts import receipts_of
from carriers.customers.settling import check, settle_parts
from carriers.customers.states import found_of
from carriers.smpp import commands as c
from carriers.smpp.events import Request
from carriers.smpp.messages import Data, Message, pack_message_id
from carriers.smpp.multi import SubmitMulti, pack_multi_resp
from carriers.smpp.operations import Cancel, Query, Replace, pack_found
from carriers.smpp.server.listener import SmppListener
from carriers.smpp.server.port import Delivery, Line, Outcome, Verdict
from router.ids import MessageId, make_id
from router.journal.items import Notice, Record
from router.model import State
from router.record import Body, EventKind, pack_body, pack_event
from router.settings import CarrierProfile, Settings, SmppAccount, SmppServer, Tenant
from router.terms import Terms

PASSWORDS = {"acme": "secret12", "small": "secret34"}
HASH = "scrypt$1$1$1$00$00"  # not asked here: the passwords stand above
TENANT = Tenant(id="acme")
CARRIER = CarrierProfile(name="any", addresses=("127.0.0.1:1",), system_id="any")  # so that there is a way everywhere


class Office:
    """``carriers.smpp.server.port.Customers``, complete in one process."""

    def __init__(self, *, habits: dict[str, Any] | None = None, **settings: Any) -> None:
        """``habits``: of the account "acme"; ``settings``: of the server, besides a free port."""
        self.accounts = {
            "acme": SmppAccount(system_id="acme", tenant="acme", password=HASH, **(habits or {})),
            "small": SmppAccount(system_id="small", tenant="acme", password=HASH, max_binds=1),
        }
        self.listener = SmppListener(SmppServer(port=0, **settings), self, clock=time.monotonic)
        self.ids: list[str] = []  # as answered
        self.bodies: list[Body] = []  # of whole messages, in order
        self.wishes: list[Cancel | Replace] = []  # granted, and nothing follows
        self.statuses: list[int] = []  # of the next submits
        self.outcomes: list[Outcome] = []
        self.end = State.DELIVERED  # of every message
        self.held = False  # nothing is delivered for now
        self._terms = Terms.compile(Settings(tenants=(TENANT,), carriers=(CARRIER,)))
        self._numbers = count(1)
        self._records: dict[MessageId, Record] = {}
        self._groups: dict[bytes, tuple[MessageId, dict[int, Submission]]] = {}
        self._waiting: dict[str, list[Delivery]] = {name: [] for name in self.accounts}

    # -- the port

    async def verify(self, system_id: str, password: str) -> SmppAccount | None:
        return self.accounts.get(system_id) if PASSWORDS.get(system_id) == password else None

    def asked(self, line: Line, requests: list[Request]) -> None:
        for request in requests:
            match request.body:
                case Message() | Data() as message:
                    told = self.statuses.pop(0) if self.statuses else self._submitted(line.account, message)
                    if isinstance(told, int):
                        line.answer(request, told)
                    else:
                        self.ids.append(told)
                        line.answer(request, body=pack_message_id(told))
                case Query(message_id):
                    known = read_id(message_id)
                    found = known and found_of(self._records.get(known[0]), line.account, known[1])
                    if found:
                        line.answer(request, body=pack_found(found))
                    else:
                        line.answer(request, c.RINVMSGID)
                case SubmitMulti() as multi:
                    line.answer(request, body=self._to_many(line.account, multi))
                case Cancel() | Replace() as wish:
                    self.wishes.append(wish)
                    line.answer(request)
                case _:
                    line.answer(request, c.RINVCMDID)
        self.room(line.account.system_id)

    def settled(self, system_id: str, outcomes: list[Outcome]) -> None:
        self.outcomes += outcomes
        self._waiting[system_id] += [outcome.token for outcome in outcomes if outcome.verdict == Verdict.RETRY]

    def room(self, system_id: str) -> None:
        while not self.held and (room := self.listener.room(system_id)) and self._waiting[system_id]:
            batch, self._waiting[system_id] = self._waiting[system_id][:room], self._waiting[system_id][room:]
            self.listener.deliver(system_id, batch)

    # -- its own

    @property
    def texts(self) -> list[tuple[str, str, str]]:
        """(sender, destination, text) of whole messages."""
        return [(body.sender, body.to, body.text) for body in self.bodies]

    @property
    def taken(self) -> int:
        """Deliveries that the customer has taken."""
        return sum(outcome.verdict == Verdict.TAKEN for outcome in self.outcomes)

    def send(self, source: str, text: str, **fields: Any) -> None:
        """A message from a handset to the account "acme"."""
        values = {"tenant": "acme", "to": "12345", "klass": 1, "created_ms": 0, "expires_ms": 0, "encoding": "gsm7"}
        body = Body(sender=source, text=text, segments=1, country="GB", network="23410", **(values | fields))
        account, reference = self.accounts["acme"], next(self._numbers)
        self._deliver("acme", lambda version: inbound_of(body, account, version, reference))
        self.room("acme")

    def _to_many(self, account: SmppAccount, multi: SubmitMulti) -> bytes:
        """Body of the answer: the last id, and which destinations were refused."""
        message_id, refused = "", []
        for one in multi.destinations:
            told = self._submitted(account, multi.to(one))
            if isinstance(told, int):
                refused.append((one.ton, one.npi, one.address, told))
            else:
                message_id = told
                self.ids.append(told)
        return pack_multi_resp(message_id, refused)

    def _submitted(self, account: SmppAccount, message: Message | Data) -> str | int:
        """The id, or a status."""
        now_ms = int(time.time() * 1_000)
        submission = read(message, account)
        if isinstance(submission, Fault):
            return submission.status
        if submission.whole:
            message_id = make_id(now_ms, 1, next(self._numbers).to_bytes(10, "big"))
            parts = {1: submission}
        else:
            part = check(submission, account, TENANT, self._terms, now_ms)
            if isinstance(part, Fault):
                return part.status
            fresh = make_id(now_ms, 1, next(self._numbers).to_bytes(10, "big"))
            message_id, parts = self._groups.setdefault(group_of(submission, account), (fresh, {}))
            parts[submission.number] = submission
        if len(parts) == submission.total:
            ordered = [parts[number] for number in sorted(parts)]
            body = settle_parts(ordered, account, TENANT, self._terms, now_ms, message_id=id_text(message_id), first_ms=now_ms)
            if isinstance(body, Fault):
                return body.status
            self._groups.pop(group_of(submission, account), None)
            self._ended(account, message_id, body, now_ms)
        return id_text(message_id, 0 if submission.whole else submission.number)

    def _ended(self, account: SmppAccount, message_id: MessageId, body: Body, now_ms: int) -> None:
        self.bodies.append(body)
        events = pack_event(now_ms, EventKind.FINAL, int(self.end), "", False, "")
        self._records[message_id] = Record(message_id, self.end, 1, pack_body(body), events)
        notice = Notice("evt", message_id, self.end, 0, b"", events)
        if receipts_of(notice, body, 0x34):
            self._deliver(account.system_id, lambda version: receipts_of(notice, body, version))

    def _deliver(self, system_id: str, compose: Any) -> None:
        delivery = Delivery(None, compose)
        self._waiting[system_id].append(delivery._replace(token=delivery))
