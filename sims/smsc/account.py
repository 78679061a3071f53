"""One system_id: its bound lines, and the receipts and messages from handsets that are due to it."""

from collections import deque
from collections.abc import Sequence
from typing import Final, NamedTuple

from carriers.smpp.commands import DELIVER_SM, ESM_UDHI
from carriers.smpp.law import SessionState
from carriers.smpp.messages import Message
from carriers.smpp.pdu import pack_tlvs
from carriers.smpp.receipts import ESM_INTERMEDIATE, ESM_RECEIPT, write_receipt
from carriers.smpp.session import Session
from sims.smsc.handsets import FromHandset
from sims.smsc.seconds import SlidingMaximum, Throttle
from sims.smsc.stats import SmscStats

RECEIVING: Final = frozenset((SessionState.BOUND_RX, SessionState.BOUND_TRX))
# esm_class, protocol_id, priority_flag | no schedule, no validity | registered_delivery, replace, data_coding, default id
_FINAL_MIDDLE: Final = bytes((ESM_RECEIPT, 0, 0, 0, 0, 0, 0, 0, 0))
_ENROUTE_MIDDLE: Final = bytes((ESM_INTERMEDIATE, 0, 0, 0, 0, 0, 0, 0, 0))


class Parcel(NamedTuple):
    """A message in the SMSC's custody."""

    account: "Account"
    message_id: str  # as answered
    receipt_id: str  # as receipts write it
    message: Message
    submitted_s: float  # seconds since 1970
    delivered: bool
    stat: str  # of the final receipt, or of its end when there will be none
    err: str
    copies: int  # of the final receipt; 0: none wanted, or withheld
    with_text: bool = False  # receipts copy the beginning of the message


class Receipt(NamedTuple):
    """A deliver_sm that is due."""

    account: "Account"
    body: bytes
    message_id: str


Delivery = Receipt | FromHandset


class Line:
    """One connection, as far as it concerns the SMSC's business; the shell writes what its session has to send."""

    __slots__ = ("account", "clogged", "cut", "ended", "session", "submits", "waiting")

    def __init__(self, session: Session) -> None:
        self.session = session
        self.account: Account | None = None  # once bound
        self.submits = 0
        self.waiting = 0  # submits whose answer is yet to come
        self.clogged = False  # the peer does not read: nothing but answers is written
        self.cut = False  # to be cut at once
        self.ended = False  # to be closed once everything is written


class Account:
    """What is delivered to it goes to its receiving lines in turn, and waits while there is none."""

    def __init__(self, system_id: str, stats: SmscStats, *, keep: int) -> None:
        self.system_id = system_id
        self.lines: list[Line] = []  # bound ones
        self.pending: deque[Delivery] = deque()
        self.throttle = Throttle()
        self.per_second = SlidingMaximum()
        self._stats = stats
        self._keep = keep
        self._turn = 0

    def put(self, parcel: Parcel, stat: str, done_s: float) -> None:
        """A receipt is due. Above the bound the oldest one waiting is thrown away."""
        self._stats.receipts[stat] += 1
        self.pending.append(Receipt(self, receipt_body(parcel, stat, done_s), parcel.message_id))
        self._bound()

    def put_mo(self, bodies: list[bytes]) -> None:
        """A message from a handset is due, in so many parts."""
        self._stats.mo += 1
        self.pending.extend(FromHandset(self, body) for body in bodies)
        self._bound()

    @property
    def receiving(self) -> bool:
        """Whether anything can be delivered to it now."""
        return any(line.session.state in RECEIVING for line in self.lines)

    def put_again(self, deliveries: Sequence[Delivery]) -> None:
        """What was not taken, oldest first: before all others."""
        receipts = sum(1 for one in deliveries if isinstance(one, Receipt))
        self._stats.receipts_repeated += receipts
        self._stats.mo_repeated += len(deliveries) - receipts
        self.pending.extendleft(reversed(deliveries))
        self._bound()

    def spread(self, now_s: float) -> list[Line]:
        """Send what is due, evenly over the receiving lines with room in their windows; the lines that have something to write."""
        pending = self.pending
        if not pending:
            return []
        free = [line for line in self.lines if line.session.state in RECEIVING and not line.clogged]
        lines = [(line.session, line.session.room, line) for line in free if line.session.room]
        touched = [line for _, _, line in lines]
        rooms = [room for _, room, _ in lines]
        sessions = [session for session, _, _ in lines]
        turn = self._turn
        sent = receipts = 0
        while pending and sessions:
            turn = turn % len(sessions)
            delivery = pending.popleft()
            sessions[turn].request(DELIVER_SM, delivery.body, delivery, now_s)
            sent += 1
            receipts += isinstance(delivery, Receipt)
            rooms[turn] -= 1
            if rooms[turn]:
                turn += 1
            else:
                del sessions[turn], rooms[turn]
        self._turn = turn
        self._stats.receipts_sent += receipts
        self._stats.mo_sent += sent - receipts
        return touched

    def _bound(self) -> None:
        while len(self.pending) > self._keep:
            self.pending.popleft()
            self._stats.receipts_overflowed += 1


def receipt_body(parcel: Parcel, stat: str, done_s: float) -> bytes:
    """A deliver_sm's body (SMPP 3.4, 4.6.1): source and destination swapped against the submit.

    Joined by hand: measured 4.7 µs against 7.6 µs by way of ``pack_message``, and it is the dearest step of a message.
    """
    submit = parcel.message
    octets, tlvs = write_receipt(
        parcel.receipt_id,
        stat,
        submitted_s=parcel.submitted_s,
        done_s=done_s,
        err=parcel.err if stat == parcel.stat else "000",
        text=_text(submit) if parcel.with_text else "",
    )
    return b"".join(
        (
            b"\0%c%c%b\0" % (submit.destination_ton, submit.destination_npi, submit.destination.encode("latin-1")),
            b"%c%c%b\0" % (submit.source_ton, submit.source_npi, submit.source.encode("latin-1")),
            _ENROUTE_MIDDLE if stat == "ENROUTE" else _FINAL_MIDDLE,
            b"%c" % len(octets),
            octets,
            pack_tlvs(tlvs),
        )
    )


def _text(submit: Message) -> str:
    """What is worth copying into a receipt."""
    plain = submit.data_coding == 0 and not submit.esm_class & ESM_UDHI
    return submit.short_message[:20].decode("latin-1") if plain else ""
