"""What the system asks of a journal. Two things fulfil it: ``router.journal.memory`` and ``actors.journal``.

Places. Every live message stands in exactly one of: a class queue, the claimed set of its partition (a dispatcher has it), the in-flight
set of a carrier owner, ``due`` (a timer), ``wait`` (for a receipt), ``dead`` (unreadable), or it is final. Every call takes a batch, is
atomic per partition, and may be made again with the same arguments without harm: a caller whose call failed repeats it. Time is the server's.

Fences. ``assign`` is the only way into a carrier's in-flight set and needs three things to be true at once: the message is claimed, its
attempt count is the expected one, and the carrier owner's epoch is the newest. Whoever comes first wins; everyone else is told no. What a
carrier *said* (``submitted``, ``receipts``) is a fact and is never refused for an epoch.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from router.ids import MessageId
from router.journal.aside import Aside
from router.journal.copies import Copies
from router.journal.items import (
    EVERY_CLASS,
    Accepted,
    Assign,
    Claimed,
    Conservation,
    CopyEnd,
    Depth,
    Fenced,
    Finish,
    Gathered,
    Group,
    Hold,
    Intake,
    JournalError,
    JournalFull,
    JournalUnavailable,
    Lease,
    Note,
    Notice,
    Part,
    Receipt,
    Receipted,
    Received,
    Record,
    Requeue,
    Submitted,
)
from router.model import MessageClass, State

__all__ = [
    "EVERY_CLASS",
    "Accepted",
    "Assign",
    "Claimed",
    "Conservation",
    "CopyEnd",
    "Depth",
    "Fenced",
    "Finish",
    "Gathered",
    "Group",
    "Hold",
    "Intake",
    "Journal",
    "JournalError",
    "JournalFull",
    "JournalUnavailable",
    "Lease",
    "Note",
    "Notice",
    "Part",
    "Receipt",
    "Receipted",
    "Received",
    "Record",
    "Requeue",
    "Submitted",
]


class Journal(Copies, Aside, Protocol):
    """The port. All methods raise ``JournalError`` when the server fails them; ``JournalFull`` only what takes new work in.

    These are ``accept``, ``receive`` and ``gather``. What comes by SMPP is treated as the class TRANSACTIONAL is.
    """

    # -- intake ---------------------------------------------------------------------------------------------------
    async def accept(self, items: Sequence[Intake]) -> list[Accepted]:
        """Make messages durable: when this returns they are on disk (and on the replicas asked for)."""
        ...

    async def cancel(self, message_id: MessageId, tenant: str, event: bytes) -> State | None:
        """Cancel if still SCHEDULED or QUEUED and unassigned; returns the state afterwards, None: no such message."""
        ...

    async def replace(self, message_id: MessageId, tenant: str, body: bytes, segments: int, event: bytes) -> State | None:
        """Put another body in the place of a message's, if it is SCHEDULED or QUEUED and no dispatcher has it in hand.

        Returns the state, SENDING when it was too late (whatever the state is really), None when there is no such message.
        """
        ...

    async def note(self, items: Sequence[Note]) -> list[bytes | None]:
        """Put lines beside histories, one of a kind a message: returns the line of the kind that stands, None: no such message.

        That is the one given if it was the first of its kind. The state does not matter, and stays.
        """
        ...

    # -- what comes in by SMPP ------------------------------------------------------------------------------------
    async def receive(self, items: Sequence[Received]) -> None:
        """Make messages from handsets durable, with the notices that follow from them; raises ``JournalFull`` as ``accept``.

        An item whose record stands there already is passed over.
        """
        ...

    async def gather(self, items: Sequence[Part]) -> list[Gathered]:
        """Make parts durable and tell of each whether its message is complete with it; raises ``JournalFull`` as ``accept``.

        A part with the number of another one and other octets takes its place. In a closed or complete group it begins a new
        one; the complete one stands beside it until it is closed by its id.
        """
        ...

    async def close_groups(self, groups: Sequence[bytes], keep_s: float) -> None:
        """The wholes of these groups are durable: drop the parts, and know them again for ``keep_s`` as sent twice.

        Each is named by the 16 octets of the group and the 16 of its whole's id: a group that has begun since is another one.
        The 16 octets alone name whatever has gathered there last.
        """
        ...

    async def stale_groups(self, partitions: Sequence[int], older_s: float, limit: int) -> list[Group]:
        """Groups not closed whose first part came longer than ``older_s`` ago; forgets closed ones whose time is over."""
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
        """Take up to so many of each class into the claimed set, partitions in this order, tenants in turn; also: partitions with more left.

        Partitions whose lease this owner and epoch do not hold are passed over.
        """
        ...

    async def requeue(self, owner: str, items: Sequence[Requeue], lease: Lease | None = None) -> None:
        """From the claimed set (``owner`` = "") or a carrier owner's in-flight set back to the queue or to ``due``.

        ``lease``: whose claims they were; nothing happens in a partition that is another's by now, or leased anew.
        """
        ...

    async def still_claimed(self, ids: Sequence[MessageId]) -> list[bool]:
        """Which of these stand in the claimed set: what a dispatcher may plan again after a call with unknown end."""
        ...

    async def in_flight(self, owner: str) -> list[MessageId]:
        """What a carrier owner has in flight."""
        ...

    async def history(self) -> str:
        """Which line of events the journal's servers are on: another one as soon as a replica has taken over, or a server started anew."""
        ...

    async def finish(self, owner: str, items: Sequence[Finish], lease: Lease | None = None) -> None:
        """End messages, from the claimed set (``owner`` = "") or a carrier owner's in-flight set; ``lease`` as in ``requeue``."""
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

        The caller transmits only when that lease has run out or it knows its holder to be dead, and then calls ``adopt``.
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
    # Notices stand in channels: "" for webhooks, and one for each SMPP account (``Intake.channel``, ``Received.channel``), where
    # they are receipts and messages from handsets that the customer has not taken yet.
    async def claim_notices(
        self, owner: str, partitions: Sequence[int], limit: int, lease_s: float, channel: str = ""
    ) -> list[Notice]:
        """Take events of a channel, oldest first; one not settled within ``lease_s`` is handed out again."""
        ...

    async def settle_notices(self, done: Sequence[Notice], channel: str = "") -> None:
        """Delivered (or nobody to tell): forget these events."""
        ...

    async def retry_notices(self, items: Sequence[tuple[Notice, int]], channel: str = "") -> None:
        """Try these again at the given time (absolute ms)."""
        ...

    async def drop_notices(self, channel: str, partitions: Sequence[int], older_s: float, limit: int) -> int:
        """Forget events of an account's channel that nobody has claimed for ``older_s``; how many."""
        ...

    async def waiting_notices(self, channel: str) -> int:
        """How many events stand in a channel."""
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
    async def first_use(self, partition: int, key: bytes, now_ms: int) -> int | None:
        """When a request was first accepted, by its 24 octets of ``Intake.idempotency``; None: not within a day before ``now_ms``."""
        ...

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
    async def put_value(self, name: str, value: bytes, ttl_s: float = 0, *, confirmed: bool = False) -> None:
        """Keep a named value, until ``ttl_s`` is over (then it wakes nobody); ``confirmed`` by the replicas, as an accept is."""
        ...

    async def get_value(self, name: str) -> bytes | None:
        """A named value."""
        ...

    async def health(self) -> Mapping[str, str | int | float]:
        """Server, durability mode in force (``strong``, ``standard``, ``degraded``), memory used and allowed."""
        ...
