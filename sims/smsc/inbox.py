"""What arrived: whole messages put together from their parts, the recent ones readable, copies recognised."""

from collections import OrderedDict, deque
from typing import Any, Final, NamedTuple

from carriers.smpp.commands import ESM_UDHI, TLV_MESSAGE_PAYLOAD, TLV_SAR_NUMBER, TLV_SAR_REFERENCE, TLV_SAR_TOTAL
from carriers.smpp.messages import Message
from router.text.reading import decode
from router.text.udh import header, others_of, read_udh

PARTIAL_LIMIT: Final = 50_000  # incomplete messages kept; the oldest go first
TRACK_LIMIT: Final = 5_000_000  # messages remembered for recognising copies, some 70 octets each


class Arrived(NamedTuple):
    """A whole message as it came."""

    at_s: float  # of its last part, seconds since 1970
    system_id: str
    source: str
    destination: str
    data_coding: int
    octets: bytes  # of all parts, headers taken off
    message_ids: tuple[str, ...]  # by part
    udh: bytes = b""  # information elements of the last part to come, but those of concatenation

    @property
    def text(self) -> str:
        """As a handset shows it; binary as one character an octet."""
        return decode(header(self.udh) + self.octets, self.data_coding, udh=bool(self.udh))

    def shown(self) -> dict[str, Any]:
        """As the control endpoint shows it."""
        return {
            "at": self.at_s,
            "system_id": self.system_id,
            "from": self.source,
            "to": self.destination,
            "text": self.text,
            "data_coding": self.data_coding,
            "udh": self.udh.hex(),
            "parts": len(self.message_ids),
            "message_ids": list(self.message_ids),
        }


_Key = tuple[str, str, str, int, int, bool]  # system_id, source, destination, reference, total, 16-bit


class Inbox:
    """Takes the submits that were accepted. ``track``: count messages whose source, destination and text came before."""

    def __init__(self, *, keep: int, track: bool) -> None:
        self.recent: deque[Arrived] = deque(maxlen=keep)
        self.parts = 0  # submits accepted
        self.messages = 0  # whole ones
        self.duplicates = 0
        self._track = track
        self._seen: set[int] = set()
        self._partial: OrderedDict[_Key, dict[int, tuple[bytes, str]]] = OrderedDict()

    @property
    def incomplete(self) -> int:
        """Messages of which parts are missing."""
        return len(self._partial)

    def take(self, system_id: str, message: Message, message_id: str, at_s: float) -> None:
        """Count an accepted submit."""
        self.parts += 1
        tlvs = message.tlvs
        octets = message.short_message
        if tlvs and not octets:
            octets = tlvs.get(TLV_MESSAGE_PAYLOAD, b"")
        mark: tuple[int, int, int, bool] | None = None  # reference, total, number, 16-bit
        udh = b""
        if message.esm_class & ESM_UDHI:
            udh = others_of(octets)
            found, octets = read_udh(octets)
            if found is not None:
                mark = found.reference, found.total, found.number, found.wide
        elif tlvs and TLV_SAR_TOTAL in tlvs:
            reference, total, number = (
                int.from_bytes(tlvs.get(tag, b""), "big") for tag in (TLV_SAR_REFERENCE, TLV_SAR_TOTAL, TLV_SAR_NUMBER)
            )
            if 1 <= number <= total:
                mark = reference, total, number, True
        if mark is None or mark[1] == 1:
            self._whole(system_id, message, octets, (message_id,), at_s, udh)
            return
        reference, total, number, wide = mark
        key = (system_id, message.source, message.destination, reference, total, wide)
        parts = self._partial.setdefault(key, {})
        parts[number] = (octets, message_id)
        if len(parts) == total:
            del self._partial[key]
            ordered = [parts[n] for n in range(1, total + 1)]
            self._whole(system_id, message, b"".join(o for o, _ in ordered), tuple(i for _, i in ordered), at_s, udh)
        elif len(self._partial) > PARTIAL_LIMIT:
            self._partial.popitem(last=False)

    def _whole(self, system_id: str, message: Message, octets: bytes, ids: tuple[str, ...], at_s: float, udh: bytes) -> None:
        self.messages += 1
        if self._track:
            mark = hash((message.source, message.destination, octets))
            if mark in self._seen:
                self.duplicates += 1
            elif len(self._seen) < TRACK_LIMIT:
                self._seen.add(mark)
        self.recent.append(Arrived(at_s, system_id, message.source, message.destination, message.data_coding, octets, ids, udh))
