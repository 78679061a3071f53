"""What goes into a journal and what comes out: the batches of ``router.journal.port``, and what its calls raise."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from router.ids import MessageId
from router.model import MessageClass, State

EVERY_CLASS = frozenset(MessageClass)


class JournalError(Exception):
    """The journal could not say whether the call took effect. Calling again with the same arguments is safe."""


class JournalUnavailable(JournalError):
    """No server answers, or too few replicas confirmed in time."""


class JournalFull(JournalError):
    """The server refuses new work for want of memory or disk. Nothing of the call took effect. Draining goes on.

    ``classes`` are the ones refused now: what remains of the batch may be offered again at once.
    """

    def __init__(self, reason: str, classes: frozenset[MessageClass] = EVERY_CLASS) -> None:
        super().__init__(reason)
        self.classes = classes


class Fenced(Exception):
    """A newer incarnation of this owner exists; this one must not act any more."""


class Intake(NamedTuple):
    """A message to be made durable."""

    id: MessageId
    tenant: str
    klass: MessageClass
    body: bytes
    expires_ms: int
    due_ms: int = 0  # 0: queue at once; else wait in ``due`` as SCHEDULED until then
    segments: int = 1  # how many receipts make it delivered
    wants_events: bool = False  # whether a webhook is to be told of its end
    idempotency: bytes = b""  # 16 octets of digest + 8 octets of fingerprint; empty: none. See ``Accepted``
    retention_s: int = 0  # how long it can be read after its end; 0: the ``keep_s`` of ``retire``
    channel: str = ""  # the SMPP account that is to be told of its end; see ``claim_notices``


class Received(NamedTuple):
    """A message from a handset, to be made durable. It begins and ends as RECEIVED."""

    id: MessageId
    tenant: str
    body: bytes
    event: bytes
    wants_events: bool = False
    channel: str = ""
    retention_s: int = 0


class Part(NamedTuple):
    """A part of a long message, to be made durable before it is acknowledged."""

    group: bytes  # 16 octets: the digest of all that its siblings share with it, the total included
    id: MessageId  # of the whole, should this be the first part of it
    number: int  # 1 … total
    total: int
    octets: bytes  # the part as whoever joins them wants it; the same octets again are the same part again
    tenant: str = ""  # whose it is, where that is known before the whole is


class Gathered(NamedTuple):
    """What became of a ``Part``."""

    id: MessageId  # of the whole
    fresh: bool  # False: this very part was there before, be its group complete or not
    whole: tuple[bytes, ...] = ()  # all parts in order, once none is missing and until ``close_groups`` is called


class Group(NamedTuple):
    """Parts that wait for each other."""

    group: bytes  # 16 octets; two may have the same, see ``gather``
    id: MessageId
    total: int
    parts: Mapping[int, bytes]  # by number; complete when there are ``total``


class Accepted(NamedTuple):
    """What became of an ``Intake``.

    With an idempotency key the id must be ``derived_id`` of (created_ms, partition of the key, digest, index). When the
    key was seen in the last 24 h, ``created_ms`` is the time of its first use: if it differs from the id's, nothing was
    written, and the caller derives its ids anew from it and calls again (which writes only what is still missing).
    ``conflict``: the key was used for another request (fingerprints differ); nothing was written.
    """

    created_ms: int
    conflict: bool = False
    fresh: bool = True  # False: the record stood there before


class Lease(NamedTuple):
    """Under which a dispatcher has claimed: it ends when another takes the partition, and when the same one leases it anew."""

    owner: str
    epoch: int


class Claimed(NamedTuple):
    """A message that a dispatcher has in hand."""

    id: MessageId
    attempts: int  # assignments made so far; the fence of ``assign``
    state: State  # QUEUED, or UNKNOWN when a hold is over
    body: bytes
    events: bytes  # its history so far, see ``router.record``


class Assign(NamedTuple):
    """Bind a claimed message to a carrier owner, just before it is written to the wire."""

    id: MessageId
    attempts: int  # as claimed
    event: bytes


class Submitted(NamedTuple):
    """A carrier took the message: one id a segment, in order (an empty id: no receipt can match)."""

    id: MessageId
    carrier_ids: tuple[str, ...]  # already normalised by the carrier's matching mode
    horizon_ms: int  # absolute: without a final receipt by then it becomes UNCONFIRMED
    event: bytes
    look_ms: int = 0  # absolute: when ``overdue`` is to name it, should it still be pending; 0: never


class CopyEnd(NamedTuple):
    """What became of a second copy that no receipt will speak of."""

    id: MessageId
    event: bytes
    failed: bool  # it will not arrive: refused, or never sent; False: in doubt
    state: State = State.UNDELIVERED  # the message's end, where the first copy has failed already
    final_event: bytes = b""  # the FINAL line for that


class Requeue(NamedTuple):
    """Back from an owner to its queue, or to ``due`` first. The state becomes QUEUED; a claimed message in doubt stays UNKNOWN."""

    id: MessageId
    due_ms: int  # 0: the front of its queue
    event: bytes  # may be empty: nothing worth telling happened
    counted: bool = True  # False: the attempt is taken back (throttled, never sent)
    attempts: int = 0  # the attempt spoken of; a call repeated late cannot touch a later one. 0: whichever it is


class Hold(NamedTuple):
    """A submit without an answer: UNKNOWN until ``until_ms``, then queued for a decision in that state."""

    id: MessageId
    until_ms: int
    event: bytes
    attempts: int = 0  # as in ``Requeue``


class Finish(NamedTuple):
    """The end of a message that no receipt brings (rejected, failed, expired, unconfirmed)."""

    id: MessageId
    state: State
    event: bytes
    attempts: int = 0  # as in ``Requeue``


class Receipt(NamedTuple):
    """A delivery receipt: what the carrier says became of one segment."""

    carrier_id: str  # normalised as in ``Submitted``
    state: State  # SENT for intermediate ones, else a final state
    event: bytes  # the RECEIPT line
    final_event: bytes  # the FINAL line, used if this receipt ends the message


class Receipted(NamedTuple):
    """What a receipt did."""

    id: MessageId | None  # None: no submit with that carrier id is known yet; it waits in the orphan buffer
    state: State | None  # the message's state afterwards
    changed: bool  # whether this receipt brought it there (False: double, late or intermediate)
    attempts: int = 0


class Note(NamedTuple):
    """A line to be put beside a message's history, whatever its state."""

    id: MessageId
    tenant: str
    kind: int  # an EventKind; a message has at most one line of it
    event: bytes


class Record(NamedTuple):
    """All that the journal holds of a message."""

    id: MessageId
    state: State
    attempts: int
    body: bytes  # empty when its retention is over, ``ERASED`` when its tenant's key was destroyed
    events: bytes
    place: str = ""  # filled by ``inspect`` only: queue, claimed, inflight:<owner>, due, wait, dead, final
    tenant: str = ""


class Notice(NamedTuple):
    """An event for a webhook. ``event_id`` stays the same over every retry."""

    event_id: str  # "evt_" + the message id's text + "_" + the state's number: one end, one event
    id: MessageId
    state: State
    tries: int  # deliveries tried before
    body: bytes
    events: bytes


class Depth(NamedTuple):
    """How much waits in one class."""

    queued: int
    oldest_ms: int  # creation time of the oldest in line, 0 when none


class Conservation(NamedTuple):
    """The checker's verdict: ``faults`` is empty when each live message stands in exactly one place."""

    counts: Mapping[str, int]  # by place, by state, and the counters accepted and finished
    faults: Sequence[str]
