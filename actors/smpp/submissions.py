"""Submits of customers: read, settled through the one intake, made durable, and only then answered."""

import logging
from collections.abc import Sequence
from typing import Final, NamedTuple

from actors.door import Door
from actors.smpp.parts import Parts
from carriers.customers.message_ids import id_text
from carriers.customers.reading import Fault, Submission, read
from carriers.customers.settling import check, settle_parts
from carriers.smpp import commands as c
from carriers.smpp.events import Request
from carriers.smpp.messages import Data, Message, pack_message_id
from carriers.smpp.multi import DISTRIBUTION_LIST, Destination, SubmitMulti, Unsuccess, pack_multi_resp
from carriers.smpp.server.port import Line
from router.ids import ENTROPY_OCTETS, MessageId, make_id
from router.intake import CLASS_OF, seal
from router.journal.port import Intake, JournalError, JournalFull
from router.limits import Admitted
from router.model import MessageClass
from router.record import Body
from router.settings import SmppAccount, Tenant

log = logging.getLogger("trunkline.esme")

NO_CREDIT: Final = Fault(c.RSUBMITFAIL, "the day's spend limit leaves no room")
TOO_FAST: Final = Fault(c.RTHROTTLED, "over the tenant's rate")
STORE_FULL: Final = Fault(c.RMSGQFUL, "the journal has no room")
STORE_DOWN: Final = Fault(c.RSYSERR, "the journal does not answer")
BROKEN: Final = Fault(c.RSYSERR, "it could not be read for a reason of ours")
NO_LISTS: Final = Fault(c.RINVDLNAME, "distribution lists are not kept here")
NO_PARTS: Final = Fault(c.RINVESMCLASS, "a submit_multi has one id, and so no parts")
NO_TENANT: Final = Fault(c.RSYSERR, "the account's tenant is not known here")


class Taken(NamedTuple):
    """One message for one recipient, on its way to the journal."""

    id: MessageId
    body: Body | None  # None: a part
    submission: Submission


class Ticket:
    """A request and what has become of its messages: several for a submit_multi, one for all others."""

    __slots__ = ("destinations", "faults", "id_text", "line", "request")

    def __init__(self, line: Line, request: Request) -> None:
        self.line = line
        self.request = request
        body = request.body
        self.destinations: Sequence[Destination] = body.destinations if isinstance(body, SubmitMulti) else ()
        self.faults: dict[int, Fault] = {}  # by place among the recipients
        self.id_text = ""

    def answer(self) -> None:
        """Say what became of it. A submit_multi is refused as a whole only when nothing of it was taken."""
        if self.id_text and self.destinations:
            failed = [
                Unsuccess(one.ton, one.npi, one.address, self.faults[at].status)
                for at, one in enumerate(self.destinations)
                if at in self.faults
            ]
            self.line.answer(self.request, c.ROK, pack_multi_resp(self.id_text, failed))
        elif self.id_text:
            self.line.answer(self.request, c.ROK, pack_message_id(self.id_text))
        else:
            fault = self.faults.get(0, STORE_DOWN)
            self.line.answer(self.request, fault.status)


class Submissions:
    """All submits of one server."""

    def __init__(self, door: Door, parts: Parts) -> None:
        self._door = door
        self._parts = parts

    async def take(self, line: Line, requests: Sequence[Request]) -> None:
        """Take the submits of one read: one commit for all of them, and one write with the answers."""
        account = line.account
        tenant = self._door.terms.tenants.get(account.tenant)
        tickets = [Ticket(line, request) for request in requests]
        wholes: list[tuple[Ticket, int, Taken]] = []
        pieces: list[tuple[Ticket, int, Taken]] = []
        now_ms = self._door.now_ms()
        for ticket in tickets:
            first: MessageId | None = None
            for at, message in enumerate(_messages(ticket.request)):
                try:
                    taken = self._read(message, account, tenant, now_ms, first, multi=bool(ticket.destinations))
                except Exception:
                    # A bug of ours: the process goes on, for it would meet the same message again after a restart.
                    log.exception("esme.submit_failed account=%s", account.system_id)
                    taken = BROKEN
                if isinstance(taken, Fault):
                    self._refuse(ticket, at, taken)
                    continue
                first = first or taken.id
                (wholes if taken.body is not None else pieces).append((ticket, at, taken))
        if wholes and tenant is not None:
            await self._accept(wholes, tenant)
        if pieces and tenant is not None:
            await self._gather(pieces, account, tenant)
        for ticket in tickets:
            ticket.answer()
        line.flush()

    # -- one message -------------------------------------------------------------------------------------------------
    def _read(
        self,
        message: Message | Data | Fault,
        account: SmppAccount,
        tenant: Tenant | None,
        now_ms: int,
        sibling: MessageId | None,
        *,
        multi: bool,
    ) -> Taken | Fault:
        """Everything about a message but whether it is durable. ``sibling``: an earlier recipient's of the same submit_multi."""
        if isinstance(message, Fault):
            return message
        if tenant is None:
            return NO_TENANT
        submission = read(message, account)
        if isinstance(submission, Fault):
            return submission
        door = self._door
        message_id = make_id(now_ms, door.partition(), door.entropy(ENTROPY_OCTETS))
        if not submission.whole:
            if multi:
                return NO_PARTS
            quoted = check(submission, account, tenant, door.terms, now_ms)
            if isinstance(quoted, Fault):
                return quoted
            refused = self._admit(tenant.id, CLASS_OF[quoted.klass], quoted.cost_micros)
            return refused or Taken(message_id, None, submission)
        told = id_text(sibling or message_id)
        body = settle_parts([submission], account, tenant, door.terms, now_ms, message_id=told, first_ms=now_ms)
        if isinstance(body, Fault):
            return body
        return self._admit(tenant.id, CLASS_OF[body.klass], body.cost_micros) or Taken(message_id, body, submission)

    def _admit(self, tenant: str, klass: MessageClass, cost_micros: int) -> Fault | None:
        """Why there is no room for it now, in the tenant's allowance or in the journal; tokens are spent when there is."""
        if self._door.sheds(klass):
            return STORE_FULL
        verdict = self._door.admit(tenant, 1, cost_micros)
        if isinstance(verdict, Admitted):
            return None
        return NO_CREDIT if verdict.rule == "spend" else TOO_FAST

    def _refuse(self, ticket: Ticket, at: int, fault: Fault) -> None:
        ticket.faults[at] = fault
        account = ticket.line.account
        self._door.count_refused(account.tenant, f"smpp_0x{fault.status:02X}", 1)
        log.info("esme.refused account=%s status=0x%02X reason=%s", account.system_id, fault.status, fault.reason)

    # -- the journal -------------------------------------------------------------------------------------------------
    async def _accept(self, wholes: Sequence[tuple[Ticket, int, Taken]], tenant: Tenant) -> None:
        rows = [(ticket, at, taken, seal(taken.id, taken.body, tenant)) for ticket, at, taken in wholes if taken.body]
        try:
            await self._door.submit([intake for *_, intake in rows])
        except JournalFull as full:
            # Only some classes may be refused: the others are offered again, once.
            for ticket, at, _, intake in rows:
                if intake.klass in full.classes:
                    self._refuse(ticket, at, STORE_FULL)
            rows = [row for row in rows if row[3].klass not in full.classes]
            rows = rows if await self._again([intake for *_, intake in rows]) else []
        except JournalError:
            rows = []
        for ticket, _, taken, intake in rows:
            ticket.id_text = ticket.id_text or (taken.body.client.message_id if taken.body and taken.body.client else "")
            self._door.count_accepted(tenant.id, intake.klass, 1, intake.segments)

    async def _again(self, items: list[Intake]) -> bool:
        if not items:
            return True
        try:
            await self._door.submit(items)
        except JournalError:
            return False
        return True

    async def _gather(self, pieces: Sequence[tuple[Ticket, int, Taken]], account: SmppAccount, tenant: Tenant) -> None:
        """Make parts durable and answer them; those that complete a message bring it on its way."""
        try:
            gathered = await self._parts.gather([(taken.id, taken.submission) for _, _, taken in pieces], account)
        except JournalError as error:
            fault = STORE_FULL if isinstance(error, JournalFull) else STORE_DOWN
            for ticket, at, _ in pieces:
                self._refuse(ticket, at, fault)
            return
        for (ticket, _, taken), one in zip(pieces, gathered, strict=True):
            ticket.id_text = id_text(one.id, taken.submission.number)
        self._parts.complete([one for one in gathered if one.whole], account, tenant)


def _messages(request: Request) -> Sequence[Message | Data | Fault]:
    """The messages that a request asks for, one a recipient."""
    body = request.body
    if isinstance(body, SubmitMulti):
        return [NO_LISTS if one.flag == DISTRIBUTION_LIST else body.to(one) for one in body.destinations]
    return (body,) if isinstance(body, (Message, Data)) else ()
