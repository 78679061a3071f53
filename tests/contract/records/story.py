"""What happens to some messages, told to a journal: one of every kind that a journal keeps, in the order in which releases learned of them.

The part of a release is told with what that release knew, so the same words made the golden files of each: its code wrote what its part
says and the parts before it. Ids and all times given are fixed; the server's own clock is taken out of what is compared (``keys.py``).
"""

from typing import Any, Final

from router.ids import MessageId, make_id
from router.journal import port
from router.model import MessageClass, State
from router.record import Body, EventKind, pack_body, pack_event

T0: Final = 1_790_000_000_000
FAR_MS: Final = 4_000_000_000_000  # beyond the life of any of these files
TENANT: Final = "acme"
CARRIER: Final = "a"
OWNER: Final = "carrier:a#0"
OTHER: Final = "carrier:b#0"
DISPATCHER: Final = "dispatcher:#0"
KEY: Final = b"digest of sixtee" + b"fingrprt"
ALL: Final = range(64)
SOME: Final = {MessageClass.TRANSACTIONAL: 100}
LEASE_S: Final = 60.0

# What stands where in the end; the numbers are those of the ids.
(
    QUEUED,
    SCHEDULED,
    KEYED,
    CLAIMED,
    SENDING,
    SENT,
    HALF,
    DELIVERED,
    DEAD_NOTICE,
    HELD,
    CANCELED,
    WAITING,
    REJECTED,
    RETRIED,
    LOCKED,
) = range(1, 16)
FIRST: Final = range(1, 16)
TOLD, HANDSET = 21, 22
PART_GROUP, CLOSED_GROUP = bytes(range(16)), bytes(range(16, 32))
NOTED = DELIVERED
COPIED, COPY_FAILED, LOOKED = 31, 32, 33


def id_of(number: int) -> MessageId:
    """The message with this number, in partition 7."""
    return make_id(T0 + number, 7, number.to_bytes(10, "big"))


def body(number: int, **fields: Any) -> Body:
    """A message with a text of its own."""
    return Body(
        tenant=TENANT,
        to="447700900123",
        sender="Acme",
        text=f"Your code is {number}",
        klass=int(MessageClass.TRANSACTIONAL),
        created_ms=T0 + number,
        expires_ms=FAR_MS,
        encoding="gsm7",
        segments=1,
        country="GB",
        network="23410",
        **fields,
    )


def intake(number: int, **fields: Any) -> port.Intake:
    """The same, to be made durable."""
    given: dict[str, Any] = {"klass": MessageClass.TRANSACTIONAL, "body": pack_body(body(number)), "expires_ms": FAR_MS}
    return port.Intake(id=id_of(number), tenant=TENANT, **(given | fields))


def event(number: int, kind: EventKind, *details: Any) -> bytes:
    """A line of its history."""
    return pack_event(T0 + number + 1_000, kind, *details)


def assigned(number: int, attempt: int = 1) -> bytes:
    """The line that binds it to the carrier, as of the first release."""
    return event(number, EventKind.ASSIGNED, CARRIER, attempt, b"decision", 0)


def ended(number: int, state: State) -> bytes:
    """The line that ends it."""
    return event(number, EventKind.FINAL, int(state), "", True, "")


def submitted(number: int, *carrier_ids: str, carrier: str = CARRIER, **fields: Any) -> port.Submitted:
    """The carrier took it."""
    ids = carrier_ids or (f"A-{number}",)
    return port.Submitted(id_of(number), ids, FAR_MS, event(number, EventKind.SUBMITTED, carrier, list(ids), 1500), **fields)


def receipt(number: int, state: State, carrier_id: str = "") -> port.Receipt:
    """The carrier says what became of it."""
    name = carrier_id or f"A-{number}"
    word = "DELIVRD" if state is State.DELIVERED else "UNDELIV"
    return port.Receipt(name, state, event(number, EventKind.RECEIPT, CARRIER, name, word, "000"), ended(number, state))


async def _claim(journal: Any) -> None:
    await journal.lease_partitions(DISPATCHER, 1, ALL, LEASE_S)
    await journal.claim(DISPATCHER, 1, ALL, SOME)


async def _fly(journal: Any, numbers: list[int], owner: str = OWNER) -> None:
    """From their queue to the carrier."""
    await _claim(journal)
    epoch, _, _ = await journal.register(owner, "an incarnation", LEASE_S)
    assert all(await journal.assign(owner, epoch, [port.Assign(id_of(n), 0, assigned(n)) for n in numbers]))


async def first(journal: Any) -> None:
    """What the first release kept: queues, timers, flights, waits, ends, webhooks, keys of requests, receipts too early."""
    told = {DELIVERED, DEAD_NOTICE, RETRIED, LOCKED}
    flying = [SENDING, SENT, HALF, DELIVERED, DEAD_NOTICE, HELD, RETRIED, LOCKED]
    await journal.accept([intake(n, wants_events=n in told, segments=2 if n == HALF else 1) for n in flying])
    await _fly(journal, flying)
    sent = [
        submitted(n, "A-h1", "A-h2") if n == HALF else submitted(n) for n in (SENT, HALF, DELIVERED, DEAD_NOTICE, RETRIED, LOCKED)
    ]
    await journal.submitted(OWNER, CARRIER, sent)
    ends = [receipt(n, State.DELIVERED) for n in (DELIVERED, RETRIED, LOCKED)]
    await journal.receipts(CARRIER, [*ends, receipt(DEAD_NOTICE, State.UNDELIVERED), receipt(HALF, State.DELIVERED, "A-h1")])
    await journal.receipts(CARRIER, [receipt(99, State.DELIVERED)])  # of a submit that nobody has told of
    unknown = event(HELD, EventKind.UNKNOWN, CARRIER, "no answer in time")
    await journal.hold(OWNER, [port.Hold(id_of(HELD), FAR_MS, unknown)])
    notices = {notice.id: notice for notice in await journal.claim_notices("courier:#0", ALL, 10, LEASE_S)}
    await journal.bury_notices([notices[id_of(DEAD_NOTICE)]])
    await journal.retry_notices([(notices[id_of(RETRIED)], FAR_MS)])

    await journal.accept([intake(CANCELED), intake(WAITING), intake(REJECTED), intake(CLAIMED)])
    await journal.cancel(id_of(CANCELED), TENANT, ended(CANCELED, State.CANCELED))
    await _claim(journal)
    queued = event(WAITING, EventKind.QUEUED, "a refusal")
    await journal.requeue("", [port.Requeue(id_of(WAITING), FAR_MS, queued)])
    await journal.finish("", [port.Finish(id_of(REJECTED), State.REJECTED, ended(REJECTED, State.REJECTED))])
    await journal.accept(
        [
            intake(QUEUED, klass=MessageClass.OTP),
            intake(SCHEDULED, klass=MessageClass.MARKETING, due_ms=FAR_MS, retention_s=86_400, segments=3),
            intake(KEYED, klass=MessageClass.OTP, idempotency=KEY),
        ]
    )


async def channels(journal: Any) -> None:
    """What came with customers' SMPP: their accounts, messages from handsets, parts of long ones."""
    own = body(TOLD, client=_client())
    await journal.accept([intake(TOLD, body=pack_body(own), channel="acme-gw")])
    await _fly(journal, [TOLD])
    await journal.submitted(OWNER, CARRIER, [submitted(TOLD)])
    await journal.receipts(CARRIER, [receipt(TOLD, State.DELIVERED)])
    came = event(HANDSET, EventKind.RECEIVED, CARRIER)
    whole = pack_body(body(HANDSET, inbound=_inbound()))
    await journal.receive([port.Received(id_of(HANDSET), TENANT, whole, came, wants_events=True, channel="acme-gw")])
    whose = [TENANT][: len(port.Part._fields) - 5]  # a part's tenant was not told before there were keys
    parts = [port.Part(PART_GROUP, id_of(41), 1, 2, b"the first half", *whose)]
    parts += [port.Part(CLOSED_GROUP, id_of(42), n, 2, b"part %d" % n, *whose) for n in (1, 2)]
    await journal.gather(parts)
    await journal.close_groups([CLOSED_GROUP + id_of(42)], 3_600.0)


def _client() -> Any:
    from router.record import Client  # not of the first release

    return Client(
        account="acme-gw",
        message_id="1",
        source="Acme",
        source_ton=5,
        source_npi=0,
        destination="447700900123",
        destination_ton=1,
        destination_npi=1,
        asked=(1,),
    )


def _inbound() -> Any:
    from router.record import Inbound

    return Inbound(carrier=CARRIER, account="acme-gw")


async def copies(journal: Any) -> None:
    """Lines beside a history, and second copies of messages whose receipts do not come."""
    await journal.note([port.Note(id_of(NOTED), TENANT, int(EventKind.FEEDBACK), event(NOTED, EventKind.FEEDBACK, True))])
    numbers = [COPIED, COPY_FAILED]
    await journal.accept([intake(n) for n in [*numbers, LOOKED]])
    await _fly(journal, [*numbers, LOOKED])
    await journal.submitted(OWNER, CARRIER, [submitted(n, look_ms=T0 + 60_000) for n in [*numbers, LOOKED]])
    epoch, _, _ = await journal.register(OTHER, "an incarnation", LEASE_S)
    bound = [event(n, EventKind.ASSIGNED, "b", 2, b"decision", 0, "", True) for n in numbers]
    assert all(
        await journal.assign_copies(OTHER, epoch, [port.Assign(id_of(n), 1, b) for n, b in zip(numbers, bound, strict=True)])
    )
    refused = event(COPY_FAILED, EventKind.REFUSED, "b", 8, "carrier_error", False)
    await journal.copies_ended([port.CopyEnd(id_of(COPY_FAILED), refused, failed=True)])


PARTS: Final = (first, channels, copies)
