"""What an SMSC saw, as a file: every submit with the number it was for, its answer, its receipts and their acknowledgements.

A line each, words apart by a space, times in microseconds since 1970:

    S NUMBER TIME DESTINATION MARK REFERENCE PART TOTAL    a submit came; MARK: the first eight digits in its text, - for none
    A NUMBER TIME STATUS MESSAGE_ID                        it was answered; MESSAGE_ID - when refused
    R MESSAGE_ID TIME STAT                                 a final receipt is due
    K MESSAGE_ID TIME                                      it was acknowledged
"""

import re
from pathlib import Path
from typing import Final, Protocol

from carriers.smpp.commands import ESM_UDHI, TLV_MESSAGE_PAYLOAD
from carriers.smpp.messages import Message
from router.text.udh import read_udh

NOTHING: Final = "-"
_MARK: Final = re.compile(rb"[0-9]{8}")
_WIDE: Final = 8  # data_coding of UCS-2


class Notes(Protocol):
    """Whoever is told what an SMSC sees."""

    def submitted(self, message: Message, now_s: float) -> int:
        """A submit came; returns its number, from 1."""
        ...

    def answered(self, number: int, status: int, message_id: str, now_s: float) -> None:
        """The answer to a submit was written."""
        ...

    def receipt(self, message_id: str, stat: str, now_s: float) -> None:
        """A final receipt is due."""
        ...

    def acknowledged(self, message_id: str, now_s: float) -> None:
        """A receipt was answered with ROK."""
        ...

    def flush(self) -> None:
        """Have it all where it is kept."""
        ...

    def close(self) -> None:
        """Nothing follows."""
        ...


class Diary:
    """Keeps the file. ``wall_offset_s``: what to add to the times passed in to get seconds since 1970."""

    def __init__(self, path: Path, wall_offset_s: float) -> None:
        self._file = path.open("w", encoding="ascii", buffering=1 << 16)
        self._offset_s = wall_offset_s
        self._number = 0

    def submitted(self, message: Message, now_s: float) -> int:
        """A submit came; returns its number, from 1."""
        self._number += 1
        octets = message.short_message or (message.tlvs or {}).get(TLV_MESSAGE_PAYLOAD, b"")
        reference, part, total = 0, 1, 1
        if message.esm_class & ESM_UDHI:
            found, octets = read_udh(octets)
            if found is not None:
                reference, part, total = found.reference, found.number, found.total
        plain = octets[1::2] if message.data_coding == _WIDE else octets
        mark = _MARK.search(plain)
        word = mark[0].decode() if mark else NOTHING
        to = message.destination.lstrip("+") or NOTHING
        self._file.write(f"S {self._number} {self._us(now_s)} {to} {word} {reference} {part} {total}\n")
        return self._number

    def answered(self, number: int, status: int, message_id: str, now_s: float) -> None:
        """The answer to a submit was written."""
        self._file.write(f"A {number} {self._us(now_s)} {status} {message_id or NOTHING}\n")

    def receipt(self, message_id: str, stat: str, now_s: float) -> None:
        """A final receipt is due."""
        self._file.write(f"R {message_id} {self._us(now_s)} {stat}\n")

    def acknowledged(self, message_id: str, now_s: float) -> None:
        """A receipt was answered with ROK."""
        self._file.write(f"K {message_id} {self._us(now_s)}\n")

    def flush(self) -> None:
        """Have it all in the file."""
        self._file.flush()

    def close(self) -> None:
        """Write the rest."""
        self._file.close()

    def _us(self, now_s: float) -> int:
        return int((now_s + self._offset_s) * 1e6)
