"""The text of a message from its parts, whoever cut them and wherever."""

from collections.abc import Sequence
from itertools import groupby
from typing import Final, NamedTuple

from carriers.customers.reading import Submission
from router.settings import SmppAccount
from router.text.national import Shift
from router.text.reading import alphabet_of, class_of, decode
from router.text.udh import header, shifts_of, without_shifts

_ASCII: Final = 0x01
_BINARY: Final = {"octets"}
_UCS2: Final = {"ucs2"}
_STANDARD: Final = Shift(0, 0)
_PAGE_BREAK: Final = "\f"  # phones that do not know it show a line feed: 3GPP TS 23.038, 6.2.1.1


class Joined(NamedTuple):
    """What parts come to."""

    text: str  # of binary one character an octet
    binary: bool
    encoding: str  # to ask the intake for: "auto", or "ucs2" where the customer wrote that
    flash: bool
    udh: bytes  # information elements for every part
    broken: bool  # a UCS-2 text of an odd number of octets


def join_parts(parts: Sequence[Submission], account: SmppAccount) -> Joined:
    """The parts that are there, in order.

    Octets are joined before they are decoded, because there are senders that cut surrogate and escape pairs; where parts say
    different things about how they are to be read, only neighbours that agree are joined.
    """
    first = parts[0]
    if len(parts) == 1:  # nearly all
        text, broken = _read(*_manner(first), first.octets, account)
        kinds = {alphabet_of(first.data_coding)}
    else:
        read = [_read(*manner, b"".join(part.octets for part in run), account) for manner, run in groupby(parts, key=_manner)]
        text, broken = "".join(text for text, _ in read), any(broken for _, broken in read)
        kinds = {alphabet_of(part.data_coding) for part in parts}
    binary = kinds == _BINARY
    return Joined(
        text if binary or _PAGE_BREAK not in text else text.replace(_PAGE_BREAK, "\n"),
        binary,
        "ucs2" if kinds == _UCS2 else "auto",
        first.flash or class_of(first.data_coding) == 0,
        without_shifts(first.udh) if first.udh else b"",
        broken,
    )


def _read(data_coding: int, shift: Shift, octets: bytes, account: SmppAccount) -> tuple[str, bool]:
    """Octets that are read in one manner: their text, and whether it is broken."""
    tables = header(shift.elements) if shift is not _STANDARD else b""
    alphabet = account.ascii_alphabet if data_coding == _ASCII else account.alphabet
    text = decode(tables + octets, data_coding, udh=bool(tables), alphabet=alphabet)
    return text, len(octets) % 2 == 1 and alphabet_of(data_coding) == "ucs2"


def _manner(part: Submission) -> tuple[int, Shift]:
    return part.data_coding, Shift(*shifts_of(part.udh)) if part.udh else _STANDARD
