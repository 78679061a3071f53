"""What a carrier actor asks of a protocol: write these messages, tell what was answered, hand over the receipts."""

from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum
from typing import Final, NamedTuple, Protocol

from router.ids import MessageId
from router.model import Again, ErrorName, Fault, MessageClass, State
from router.record import Body
from router.text.udh import Concatenation


class Outgoing(NamedTuple):
    """A message assigned to this carrier, to be written now."""

    id: MessageId
    attempts: int  # including this one
    klass: MessageClass
    body: Body
    copy: bool = False  # another carrier has it, too, and nothing came of that yet


TAKEN_LATE: Final = "an earlier copy was taken after all"  # the reason of a RETURNED that wants no other attempt
VALIDITY_OVER: Final = "its validity is over"  # the reason of a RETURNED that no other attempt will mend


class Verdict(StrEnum):
    """How an attempt ended at this carrier."""

    ACCEPTED = "accepted"  # every segment has been answered with ROK
    REFUSED = "refused"  # a segment was answered with an error; see the other fields
    UNKNOWN = "unknown"  # octets may have left, and no answer came: link cut, or response timer over
    RETURNED = "returned"  # nothing is with the carrier: never written, or throttled for longer than its class waits
    # Of an attempt reported UNKNOWN before: its last answer has come after all (accepted); or the carrier, asked about the
    # segments that it had answered, says that one will not arrive: then the ids of the others may be empty
    LATE = "late"


class Answer(NamedTuple):
    """What became of one ``Outgoing``."""

    id: MessageId
    verdict: Verdict
    # One a segment, normalised by the profile's ``receipt_ids``, "" for those that no receipt will name; ACCEPTED and LATE
    carrier_ids: tuple[str, ...] = ()
    status: int = 0  # SMPP command_status, a plain integer
    error: ErrorName | None = None
    fault: Fault | None = None
    again: Again | None = None
    reason: str = ""  # one sentence for the history: "ESME_RINVDSTADR (0x0B)", "link cut", "no answer in 60 s"
    latency_us: int = 0  # first octet written → last answer
    written_at_s: float = 0.0  # wall clock of the first write, 0 when never written


class ReceiptIn(NamedTuple):
    """A delivery receipt as read from the wire."""

    carrier_id: str  # normalised as in ``Answer.carrier_ids``
    state: State  # SENT for intermediate states
    stat: str  # the carrier's word: DELIVRD, UNDELIV, …
    err: str  # the carrier's error code, as text
    at_s: float  # wall clock of arrival


class InboundIn(NamedTuple):
    """A message from a handset, or a part of one, as read from the wire."""

    source: str  # the handset's, as it was written
    source_ton: int
    source_npi: int
    destination: str  # ours
    destination_ton: int
    destination_npi: int
    octets: bytes  # of the text, from short_message or message_payload, without the user data header
    data_coding: int
    at_s: float  # wall clock of arrival
    part: Concatenation | None = None  # which part of which message, by its header or by sar_* TLVs; None: it is whole
    udh: bytes = b""  # the other elements of its header, as they came: ports, national tables


class LinkState(NamedTuple):
    """A carrier's link at a glance."""

    bound: int  # sessions that can submit
    sessions: int  # sessions wanted that can submit
    receivers: int  # sessions that can bring receipts
    speed_mps: float  # what the lane allows now; 0: no limit known
    contracted_mps: int
    window_used: int
    window: int  # over all bound sessions
    throttled: int  # messages waiting inside the link for a throttled lane
    reason: str  # why it is not (fully) bound: "bind refused: ESME_RINVPASWD (0x0E)"; "" when all is well
    suggestion: str = ""  # what the operator should set otherwise: "receipt ids would match as hex_to_decimal: 48 of 50"


class Link(Protocol):
    """All sessions of one carrier account.

    Callbacks are given at construction:
    ``on_answers(list[Answer])`` — plain call, batched per read;
    ``on_receipts(list[ReceiptIn])`` — awaited before the receipts are acknowledged to the carrier; when it raises, they are
    answered with a temporary error so that the carrier sends them again;
    ``on_inbound(list[InboundIn])`` — awaited before messages from handsets are answered; tells a command_status for each, 0 only
    for what is durable. When it raises, they are answered with a temporary error;
    ``on_change()`` — plain call when ``state`` changes in a way that matters (bound, unbound, speed, room came back).
    """

    async def start(self) -> None:
        """Begin connecting; returns at once, keeps rebinding until ``close``."""
        ...

    async def close(self, drain_s: float) -> None:
        """Wait up to ``drain_s`` for answers, unbind, close. What is unanswered is reported UNKNOWN, unwritten RETURNED."""
        ...

    def room(self, now_s: float) -> int:
        """How many segments may be written now: window credits of bound sessions, capped by the lane's speed."""
        ...

    def rooms(self, now_s: float) -> tuple[int, int]:
        """How many segments may be written now if they are one-time codes, for which some room is kept, and if they are not."""
        ...

    def next_room_s(self, now_s: float, *, codes: bool = True) -> float | None:
        """Seconds until the pacer opens again (``codes``: for one-time codes); None when room waits for an answer or a bind instead of for time."""
        ...

    def send(self, batch: Sequence[Outgoing]) -> None:
        """Write a batch. The caller has seen ``room``; what does not fit after all waits inside for its turn."""
        ...

    @property
    def state(self) -> LinkState:
        """The link now."""
        ...


AnswersCallback = Callable[[list[Answer]], None]
ReceiptsCallback = Callable[[list[ReceiptIn]], Awaitable[None]]
InboundCallback = Callable[[list[InboundIn]], Awaitable[Sequence[int]]]
