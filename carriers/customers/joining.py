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
    texts = []
    broken = False
    for (data_coding, shift), run in groupby(parts, key=_manner):
        octets = b"".join(part.octets for part in run)
        broken = broken or (alphabet_of(data_coding) == "ucs2" and len(octets) % 2 == 1)
        alphabet = account.ascii_alphabet if data_coding == _ASCII else account.alphabet
        tables = header(shift.elements)
        texts.append(decode(tables + octets, data_coding, udh=bool(tables), alphabet=alphabet))
    kinds = {alphabet_of(part.data_coding) for part in parts}
    binary = kinds == {"octets"}
    text = "".join(texts)
    return Joined(
        text=text if binary or _PAGE_BREAK not in text else text.replace(_PAGE_BREAK, "\n"),
        binary=binary,
        encoding="ucs2" if kinds == {"ucs2"} else "auto",
        flash=first.flash or class_of(first.data_coding) == 0,
        udh=without_shifts(first.udh) if first.udh else b"",
        broken=broken,
    )


def _manner(part: Submission) -> tuple[int, Shift]:
    return part.data_coding, Shift(*shifts_of(part.udh)) if part.udh else _STANDARD
