"""From a received short_message back to text: whatever the data_coding, something is shown and nothing raises."""

from typing import Final

from router.text import gsm, national
from router.text.udh import others_of, read_udh, shifts_of

# SMPP 3.4, 5.2.19
_ALPHABETS: Final = {0x00: "gsm7", 0x01: "gsm7", 0x03: "latin1", 0x06: "cyrillic", 0x07: "hebrew", 0x08: "ucs2"}


def decode(short_message: bytes, data_coding: int, udh: bool, *, alphabet: str = "gsm7") -> str:
    """Octets to text. ``udh``: a user data header comes first (esm_class 0x40). Never raises.

    ``alphabet`` is what data_coding 0 and 1 mean to this peer, "gsm7" or "latin1": clients send GSM text under 1 by default
    and the large ones treat both alike. Groups 0x10–0x1F and 0xF0–0xFF carry the alphabet in their bits (3GPP TS 23.038, 4).
    Binary comes as one character an octet. Parts are joined as octets first and decoded then.
    """
    single = locking = 0
    if udh:
        single, locking = shifts_of(others_of(short_message))
        short_message = read_udh(short_message)[1]
    match alphabet_of(data_coding):
        case "gsm7" if alphabet == "gsm7" or data_coding > 0x01:
            return national.decode(short_message, single, locking) if single or locking else gsm.decode(short_message)
        case "ucs2":
            return _utf_16(short_message)
        case "octets":
            return short_message.decode("latin-1")
        case "cyrillic":
            return short_message.decode("iso8859-5", "replace")
        case "hebrew":
            return short_message.decode("iso8859-8", "replace")
        case _:
            return short_message.decode("cp1252", "replace")


def alphabet_of(data_coding: int) -> str:
    """Which alphabet a data_coding names: "gsm7", "ucs2", "latin1", "cyrillic", "hebrew", or "octets", which no text is."""
    group = data_coding & 0xF0
    if group == 0xF0:
        return "octets" if data_coding & 0x04 else "gsm7"
    if group == 0x10:
        return ("gsm7", "octets", "ucs2", "gsm7")[data_coding >> 2 & 0x03]
    if group == 0xE0:  # message waiting, text kept, UCS-2
        return "ucs2"
    if group in {0xC0, 0xD0}:  # message waiting, discard or store
        return "gsm7"
    return _ALPHABETS.get(data_coding, "octets")


def class_of(data_coding: int) -> int | None:
    """The message class that a data_coding names: 0 is flash; None for none (3GPP TS 23.038, 4)."""
    return data_coding & 0x03 if data_coding & 0xF0 in {0x10, 0xF0} else None


def _utf_16(octets: bytes) -> str:
    """Big-endian unless a byte order mark says otherwise; what cannot be read shows as U+FFFD."""
    if octets.startswith(b"\xff\xfe"):
        return octets[2:].decode("utf-16-le", "replace")
    return octets.removeprefix(b"\xfe\xff").decode("utf-16-be", "replace")
