"""Messages from handsets: what an SMSC delivers on its own account."""

from typing import TYPE_CHECKING, Final, NamedTuple

from carriers.smpp.commands import ESM_UDHI
from carriers.smpp.messages import Message, pack_message
from router.text.segments import NotEncodable, data_coding_of, measure, split

if TYPE_CHECKING:
    from sims.smsc.account import Account

PARTS_LIMIT: Final = 255  # what the header of a part can number
SHORT_CODE_DIGITS: Final = 7  # an international number has eight digits or more


class InvalidMo(ValueError):
    """There is no such message, or nobody whom it could be delivered to."""


class FromHandset(NamedTuple):
    """A deliver_sm that is due: a message from a handset, or one part of it."""

    account: "Account"
    body: bytes


def compose_mo(source: str, destination: str, text: str, reference: int, *, long: bool) -> list[bytes]:
    """deliver_sm bodies, one a part, marked by a header with an 8-bit reference. ``long``: repeat the text until it needs several.

    Raises ``InvalidMo``.
    """
    if not source or not destination or (long and not text):
        raise InvalidMo("a message needs a sender, a recipient and, to be long, a text")
    measured = measure(text)
    while long and not isinstance(measured, NotEncodable) and measured.segments < 2:
        text = f"{text} {text}"
        measured = measure(text)
    if isinstance(measured, NotEncodable):
        raise InvalidMo("the text cannot be encoded")
    if measured.segments > PARTS_LIMIT:
        raise InvalidMo(f"the text needs more than {PARTS_LIMIT} parts")
    segments = split(text, measured.encoding, reference)
    source_ton, source_npi = _kind(source)
    destination_ton, destination_npi = _kind(destination)
    try:
        return [
            pack_message(
                Message(
                    source.removeprefix("+"),
                    destination.removeprefix("+"),
                    part,
                    esm_class=ESM_UDHI if segments.udh else 0,
                    data_coding=data_coding_of(segments.encoding),
                    source_ton=source_ton,
                    source_npi=source_npi,
                    destination_ton=destination_ton,
                    destination_npi=destination_npi,
                )
            )
            for part in segments.parts
        ]
    except ValueError as error:
        raise InvalidMo(str(error)) from error


def _kind(address: str) -> tuple[int, int]:
    """(TON, NPI): international, a short code or a name."""
    digits = address.removeprefix("+")
    if not (digits.isascii() and digits.isdigit()):
        return 5, 0
    return (3, 0) if len(digits) <= SHORT_CODE_DIGITS else (1, 1)
