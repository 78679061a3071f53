"""What the system asks of a journal. Two things fulfil it: ``router.journal.memory`` and ``actors.journal``.

Places. Every live message stands in exactly one of: a class queue, the claimed set of its partition (a dispatcher has
it), the in-flight set of a carrier owner, ``due`` (a timer), ``wait`` (for a receipt), ``dead`` (unreadable), or it is
final. Every call takes a batch, is atomic per partition, and may be made again with the same arguments without harm:
a caller whose call failed or timed out repeats it. Time is the journal's own (the server's clock).

Fences. ``assign`` is the only way into a carrier's in-flight set and needs three things to be true at once: the message
is claimed, its attempt count is the expected one, and the carrier owner's epoch is the newest. Whoever comes first wins;
everyone else is told no. What a carrier *said* (``submitted``, ``receipts``) is a fact and is never refused for an epoch.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

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


class Requeue(NamedTuple):
    """Back from an owner to its queue, or to ``due`` first. The state becomes QUEUED."""

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


class Record(NamedTuple):
    """All that the journal holds of a message."""

    id: MessageId
    state: State
    attempts: int
    body: bytes  # empty when its retention is over
    events: bytes
    place: str = ""  # filled by ``inspect`` only: queue, claimed, inflight:<owner>, due, wait, dead, final


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


class Journal(Protocol):
    """The port. All methods raise ``JournalError`` (``JournalFull`` from ``accept`` only) when the server fails them."""

    # -- intake ---------------------------------------------------------------------------------------------------
    async def accept(self, items: Sequence[Intake]) -> list[Accepted]:
        """Make messages durable: when this returns they are on disk (and on the replicas asked for)."""
        ...

    async def cancel(self, message_id: MessageId, tenant: str, event: bytes) -> State | None:
        """Cancel if still SCHEDULED or QUEUED and unassigned; returns the state afterwards, None: no such message."""
        ...

    # -- dispatchers ----------------------------------------------------------------------------------------------
    async def lease_partitions(self, owner: str, epoch: int, partitions: Sequence[int], lease_s: float) -> list[int]:
        """Take or renew partitions; returns those held now. A partition held by another live owner is not taken.

        A partition taken from another owner or an older epoch of the same one has its claimed messages given back.
        """
        ...

    async def release_partitions(self, owner: str, epoch: int, partitions: Sequence[int]) -> None:
        """Give back what is claimed there and drop the leases, in order that another may take over at once."""
        ...

    async def claim(
        self, owner: str, epoch: int, partitions: Sequence[int], wanted: Mapping[MessageClass, int]
    ) -> tuple[list[Claimed], set[int]]:
        """Take up to so many of each class, tenants in turn, into the claimed set; also: partitions with more left.

        Partitions whose lease this owner and epoch do not hold are passed over.
        """
        ...

    async def requeue(self, owner: str, items: Sequence[Requeue]) -> None:
        """From the claimed set (``owner`` = "") or a carrier owner's in-flight set back to the queue or to ``due``."""
        ...

    async def still_claimed(self, ids: Sequence[MessageId]) -> list[bool]:
        """Which of these stand in the claimed set: what a dispatcher may plan again after a call with unknown end."""
        ...

    async def finish(self, owner: str, items: Sequence[Finish]) -> None:
        """End messages, from the claimed set (``owner`` = "") or a carrier owner's in-flight set."""
        ...

    async def pump(self, partitions: Sequence[int], limit: int) -> tuple[int, int]:
        """Move due timers to the front of their queues; returns (how many moved, time of the next timer in ms or 0)."""
        ...

    async def expire_waits(self, partitions: Sequence[int], limit: int, event: bytes) -> int:
        """SENT or UNKNOWN messages whose receipt horizon is over become UNCONFIRMED; returns how many did."""
        ...

    async def retire(self, partitions: Sequence[int], limit: int, keep_s: float) -> int:
        """Drop the records of messages that ended longer than their retention (default ``keep_s``) ago."""
        ...

    # -- carriers -------------------------------------------------------------------------------------------------
    async def register(self, owner: str, incarnation: str, lease_s: float) -> tuple[int, str, int]:
        """A new epoch for this owner; returns (epoch, the previous holder's incarnation or "", ms its lease still runs).

        The caller transmits only when the previous lease has run out or it knows the previous holder to be dead, and
        then calls ``adopt``.
        """
        ...

    async def renew(self, owner: str, epoch: int, lease_s: float) -> None:
        """Extend the lease; raises ``Fenced`` when a newer epoch exists."""
        ...

    async def adopt(self, owner: str, epoch: int, hold_until_ms: Mapping[MessageClass, int], event: bytes) -> int:
        """Fence older epochs in every partition, and turn what they had in flight into UNKNOWN holds; how many."""
        ...

    async def assign(self, owner: str, epoch: int, items: Sequence[Assign]) -> list[bool]:
        """Claimed → in flight at ``owner``, SENDING, one attempt more. False: it is not ours to send (any more).

        Raises ``Fenced`` when ``epoch`` is not the newest.
        """
        ...

    async def submitted(self, owner: str, carrier: str, items: Sequence[Submitted]) -> list[Receipted]:
        """In flight (or UNKNOWN) → SENT, and remember the carrier's ids; applies receipts that came before.

        Returns what those early receipts did. A message that ended meanwhile stays as it is.
        """
        ...

    async def hold(self, owner: str, items: Sequence[Hold]) -> None:
        """In flight → UNKNOWN with a timer."""
        ...

    async def receipts(self, carrier: str, items: Sequence[Receipt]) -> list[Receipted]:
        """Apply delivery receipts of one carrier account; durable when this returns."""
        ...

    # -- couriers -------------------------------------------------------------------------------------------------
    async def claim_notices(self, owner: str, partitions: Sequence[int], limit: int, lease_s: float) -> list[Notice]:
        """Take webhook events; one not settled within ``lease_s`` is handed out again."""
        ...

    async def settle_notices(self, done: Sequence[Notice]) -> None:
        """Delivered (or nobody to tell): forget these events."""
        ...

    async def retry_notices(self, items: Sequence[tuple[Notice, int]]) -> None:
        """Try these again at the given time (absolute ms)."""
        ...

    async def bury_notices(self, items: Sequence[Notice]) -> None:
        """Dead-letter these events."""
        ...

    async def dead_notices(self, limit: int) -> list[Notice]:
        """The dead letters, oldest first."""
        ...

    async def replay_notices(self, items: Sequence[Notice]) -> None:
        """Dead letters back into delivery, tries counted from zero."""
        ...

    # -- reading --------------------------------------------------------------------------------------------------
    async def read(self, ids: Sequence[MessageId]) -> list[Record | None]:
        """Records by id."""
        ...

    async def list_ids(self, tenant: str, *, before: MessageId | None, created_after_ms: int, limit: int) -> list[MessageId]:
        """A tenant's messages, newest first, older than ``before``."""
        ...

    async def depths(self) -> dict[MessageClass, Depth]:
        """Queue depth and age by class, over all partitions."""
        ...

    async def check(self) -> Conservation:
        """Walk everything and prove conservation. Meant for a quiet system; on a busy one it looks again before it accuses."""
        ...

    # -- small things kept beside the messages --------------------------------------------------------------------
    async def put_value(self, name: str, value: bytes, ttl_s: float = 0) -> None:
        """Keep a named value: configuration, board, brain snapshot; with a ``ttl_s`` (decision tables) it wakes nobody."""
        ...

    async def get_value(self, name: str) -> bytes | None:
        """A named value."""
        ...

    async def health(self) -> Mapping[str, str | int | float]:
        """Server, durability mode in force (``strong``, ``standard``, ``degraded``), memory used and allowed."""
        ...
