"""A message as the submit_sm bodies of its segments, in the habits of a carrier's profile."""

from functools import lru_cache
from random import Random
from typing import Final, NamedTuple

from carriers.smpp.commands import ESM_UDHI, TLV_MESSAGE_PAYLOAD, TLV_SAR_NUMBER, TLV_SAR_REFERENCE, TLV_SAR_TOTAL
from carriers.smpp.messages import ADDRESS_OCTETS, submit_head, submit_tail
from carriers.smpp.pdu import pack_text, pack_tlvs
from carriers.smpp.statuses import Mend
from router.model import Again, ErrorName, Fault
from router.record import Body
from router.settings import CarrierProfile, LongMessages
from router.text.gsm import encode
from router.text.national import shifts_for
from router.text.segments import Segments, capacity, data_coding_of, national_split, split, whole
from router.tlvs import parse_tlvs

MAX_HEADS: Final = 4_096  # senders whose packed head is kept
MAX_REFERENCES: Final = 65_536  # pairs of sender and recipient whose last reference is kept
SHORT_CODE_DIGITS: Final = 7  # an international number has eight digits or more
GSM_OCTETS: Final = capacity("gsm7")
_LENGTHS: Final = tuple(bytes((length,)) for length in range(GSM_OCTETS + 1))
_DAY_S: Final = 86_400
_MONTH_DAYS: Final = 30
MAX_VALIDITY_S: Final = 99 * _MONTH_DAYS * _DAY_S  # what two digits of months hold


class Unsendable(NamedTuple):
    """The message cannot be written to this carrier, now or ever."""

    error: ErrorName
    fault: Fault
    again: Again
    reason: str


class Habit(NamedTuple):
    """What a message is sent with. The profile says what is usual; a carrier's refusal may take something away."""

    marks: LongMessages  # how the parts of a long one are marked; never in two ways at once
    validity: bool = True  # validity_period is filled in
    tlvs: bool = True  # vendors' optional parameters are sent along


class Entire(tuple[bytes, ...]):
    """One submit_sm body whose text the carrier cuts by itself, into about as many segments as were measured."""

    __slots__ = ()


class Composer:
    """Packs messages for one carrier; remembers heads and concatenation references within bounds."""

    def __init__(self, profile: CarrierProfile, rng: Random) -> None:
        """``rng`` gives the first reference of a pair only: afterwards it counts, for chance would meet itself too soon."""
        self._profile = profile
        self._rng = rng
        self.habit = Habit(profile.long_messages, profile.send_validity)
        self._tlvs = parse_tlvs(profile.tlvs)
        self._packed_tlvs = pack_tlvs(self._tlvs)
        self._shifts = shifts_for(profile.shift_tables)
        self._gsm = profile.default_alphabet == "gsm7"
        self._modes = submit_tail(b"", profile.registered_delivery, 0)[:-1]  # of a text in the default alphabet, up to its length
        self._heads: dict[str, bytes] = {}
        self._references: dict[tuple[str, str], int] = {}

    def reference_of(self, body: Body) -> int:
        """The reference for a message that may need one: the next of its pair; 0 for one that does not."""
        # A single segment of GSM 03.38 becomes several where it goes out as UCS-2.
        several = body.segments > 1 or (not self._gsm and len(body.text) > 70)
        return self._reference(body.sender, body.to) if several or body.udh else 0

    def compose(
        self, body: Body, wall_s: float, reference: int | None = None, habit: Habit | None = None
    ) -> tuple[bytes, ...] | Unsendable | None:
        """submit_sm bodies in order; None when the validity is over by ``wall_s``.

        There may be fewer than the body's segments: a carrier that passes on national tables needs fewer for some texts.
        ``reference``: of an earlier composition, to be used again; ``habit``: another than the profile's.
        """
        left_s = int(body.expires_ms / 1000 - wall_s)
        if left_s < 1:
            return None
        profile = self._profile
        habit = habit or self.habit
        flash = body.flash and body.encoding != "octets"  # binary is for programs, which show nothing
        try:
            head = self._heads.get(body.sender) or self._head(body.sender)
            if body.segments == 1 and self._gsm and body.encoding == "gsm7" and not (body.flash or body.udh or body.tlvs):
                octets = encode(body.text)
                if len(octets) <= GSM_OCTETS:
                    return (self._plain(head, body.to, left_s if habit.validity else 0, octets, tlvs=habit.tlvs),)
            alphabet = "gsm7" if flash else profile.default_alphabet  # a message class names its alphabet
            if reference is None:
                reference = self.reference_of(body)
            if habit.marks == "udh8" and body.encoding == "gsm7" and not body.udh:
                segments = split(body.text, "gsm7", reference, alphabet=alphabet)
            elif (marked := self._marked(body, reference, habit.marks, alphabet)) is not None:
                segments = marked
            else:
                return Unsendable(ErrorName.INVALID_MESSAGE, Fault.CARRIER, Again.OTHER, "the carrier takes no UCS-2")
            coding = 0 if alphabet == segments.encoding and not flash else data_coding_of(segments.encoding, flash=flash)
            validity = validity_period(left_s) if habit.validity else b"\0"
            # esm_class (the default mode, with or without a header), protocol_id 0, priority_flag 0, no schedule
            front = b"".join(
                (
                    head,
                    pack_text(body.to, ADDRESS_OCTETS, "destination_addr"),
                    bytes((ESM_UDHI if segments.udh else 0, 0, 0, 0)),
                    validity,
                )
            )
            registered, parts = profile.registered_delivery, segments.parts
            tlvs = self._packed_tlvs if habit.tlvs else b""
            if body.tlvs and habit.tlvs:
                tlvs = pack_tlvs(self._tlvs | body.tlvs)
            if segments.udh or (len(parts) == 1 and len(parts[0]) <= capacity(segments.encoding)):
                return tuple(front + submit_tail(part, registered, coding) + tlvs for part in parts)
            if len(parts) == 1:
                payload = pack_tlvs({TLV_MESSAGE_PAYLOAD: parts[0]})
                return Entire((front + submit_tail(b"", registered, coding) + payload + tlvs,))
            return tuple(
                front + submit_tail(part, registered, coding) + sar(reference, len(parts), number) + tlvs
                for number, part in enumerate(parts, 1)
            )
        except ValueError as error:  # a text or an address that intake should not have let through
            return Unsendable(ErrorName.INVALID_MESSAGE, Fault.OURS, Again.NEVER, _without_text(error))

    def _plain(self, head: bytes, to: str, left_s: int, octets: bytes, *, tlvs: bool) -> bytes:
        """Nearly every message: one part of GSM 03.38 without a header. 2 µs instead of 5."""
        return b"".join(
            (
                head,
                pack_text(to, ADDRESS_OCTETS, "destination_addr"),
                b"\0\0\0\0",  # as in ``compose``
                validity_period(left_s) if left_s else b"\0",
                self._modes,
                _LENGTHS[len(octets)],
                octets,
                self._packed_tlvs if tlvs else b"",
            )
        )

    def mended(self, habit: Habit | None, mend: Mend, body: Body, *, marked: bool) -> Habit | None:
        """What to try once instead of ``habit`` (None: the profile's); None when there is nothing to mend, or no more.

        ``marked``: the message is long, so that the way of marking its parts may be what was refused.
        """
        habit = habit or self.habit
        fresh = marked and not body.udh and habit.marks == self._profile.long_messages
        if mend == "validity" and habit.validity:
            return habit._replace(validity=False)
        if mend == "marks" and fresh:
            return habit._replace(marks="sar" if habit.marks in {"udh8", "udh16"} else "udh8")
        if mend == "tlvs" and habit.tlvs and (self._tlvs or body.tlvs):
            return habit._replace(tlvs=False)
        if mend == "tlvs" and fresh and habit.marks in {"sar", "payload"}:
            return habit._replace(marks="udh8")
        return None

    def _marked(self, body: Body, reference: int, marks: LongMessages, alphabet: str) -> Segments | None:
        """The parts of a message that is not GSM 03.38, has header elements of its own or is marked in an unusual way.

        Parts with elements of their own have a header in any case: parts marked in a second way would never be joined.
        None for a text that only UCS-2 holds, to a carrier that takes none.
        """
        if marks in {"sar", "payload"} and body.udh:
            marks = "udh8"
        if body.encoding == "ucs2":
            # Data_coding 0 must mean GSM 03.38 for its tables to be replaced.
            if self._shifts and alphabet == "gsm7":
                found = national_split(body.text, self._shifts, reference, wide=marks == "udh16", others=body.udh)
                # UCS-2 is understood by more phones, so tables must save something.
                saves = found is not None and (len(found.parts) < body.segments or not self._profile.ucs2)
                if found is not None and saves and (len(found.parts) == 1 or marks in {"udh8", "udh16"}):
                    return found
            if not self._profile.ucs2:
                return None
        if marks == "payload":
            return whole(body.text, body.encoding, alphabet=alphabet)
        wide, header = marks == "udh16", marks != "sar"
        return split(body.text, body.encoding, reference, alphabet=alphabet, wide=wide, header=header, others=body.udh)

    def _head(self, sender: str) -> bytes:
        profile = self._profile
        ton, npi = source_kind(sender, profile)
        head = submit_head(
            sender.removeprefix("+") if ton != profile.alphanumeric_ton else sender,
            ton=ton,
            npi=npi,
            service_type=profile.service_type,
            destination_ton=profile.international_ton,
            destination_npi=profile.international_npi,
        )
        if len(self._heads) >= MAX_HEADS:
            del self._heads[next(iter(self._heads))]
        self._heads[sender] = head
        return head

    def _reference(self, sender: str, recipient: str) -> int:
        """The next reference of the pair, 16 bits: a counter, for a random octet meets its predecessor in 1 of 256 messages."""
        pair = (sender, recipient)
        last = self._references.pop(pair, None)
        reference = self._rng.randrange(0x10000) if last is None else (last + 1) & 0xFFFF
        if len(self._references) >= MAX_REFERENCES:
            del self._references[next(iter(self._references))]
        self._references[pair] = reference
        return reference


def sar(reference: int, total: int, number: int) -> bytes:
    """The TLVs that mark a part (SMPP 3.4, 5.3.2.22 to 24)."""
    return pack_tlvs(
        {
            TLV_SAR_REFERENCE: (reference & 0xFFFF).to_bytes(2, "big"),
            TLV_SAR_TOTAL: bytes((total,)),
            TLV_SAR_NUMBER: bytes((number,)),
        }
    )


def source_kind(sender: str, profile: CarrierProfile) -> tuple[int, int]:
    """(TON, NPI) of a sender at this carrier: a number, a short code, or a name."""
    digits = sender.removeprefix("+")
    if not (digits.isascii() and digits.isdigit()):
        return profile.alphanumeric_ton, profile.alphanumeric_npi
    if len(digits) <= SHORT_CODE_DIGITS:
        return profile.short_code_ton, profile.short_code_npi
    return profile.international_ton, profile.international_npi


@lru_cache(maxsize=1_024)  # the messages of a batch mostly have the same seconds left
def validity_period(seconds: int) -> bytes:
    """As it is written, with its NUL."""
    return relative_time(seconds).encode("ascii") + b"\0"


def relative_time(seconds: int) -> str:
    """A relative time of 16 characters (SMPP 3.4, 7.1.1.2): one hour is 000000010000000R. A month counts 30 days."""
    seconds = min(max(seconds, 0), MAX_VALIDITY_S)
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    # 30 days are written as such: receivers differ about the length of a month
    months, day = divmod(days, _MONTH_DAYS) if days > _MONTH_DAYS else (0, days)
    return f"00{months:02}{day:02}{hour:02}{minute:02}{second:02}000R"


def _without_text(error: ValueError) -> str:
    """What is wrong, without the words of the message that codecs put into their errors."""
    if isinstance(error, UnicodeError):
        return f"not encodable as {getattr(error, 'encoding', 'text')}"
    return str(error) if type(error) is ValueError else type(error).__name__
