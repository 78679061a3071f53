"""Seeded messages as ready submit_sm bodies: what is the same for many is packed once."""

from itertools import accumulate
from typing import Final, NamedTuple

import numpy as np

from carriers.smpp.commands import ESM_UDHI
from carriers.smpp.messages import ADDRESS_OCTETS, submit_head, submit_tail
from carriers.smpp.pdu import pack_text
from router.model import CLASS_BY_WORD, MessageClass
from router.text.segments import data_coding_of, measure, split
from sims.gateway.options import GatewayOptions
from sims.load.corpus import BLOCK, TEXTS, TOKEN_DIGITS

ALPHANUMERIC_TON: Final = 5
INTERNATIONAL: Final = 1
RECEIPT_WANTED: Final = 1  # registered_delivery: whatever its end


class Submit(NamedTuple):
    """A message to be submitted."""

    bodies: tuple[bytes, ...]  # one a part; the receipt is asked on the first, as Kannel does
    klass: MessageClass


class _Template(NamedTuple):
    """A text that fits one segment, around its serial number."""

    before: bytes
    after: bytes
    coding: int
    wide: bool  # two octets a character


class Corpus:
    """An endless, seeded sequence of messages; the same seed and options give the same sequence."""

    def __init__(self, options: GatewayOptions) -> None:
        self._options = options
        self._rng = np.random.default_rng(options.seed)
        self._serial = 0
        self._reference = 0
        total = sum(options.mix.values())
        self._classes = [(CLASS_BY_WORD[word], share / total) for word, share in options.mix.items() if share > 0]
        self._kinds = [(kind, share / sum(options.lengths.values())) for kind, share in options.lengths.items() if share > 0]
        digits = options.sender.removeprefix("+")
        number = digits.isdigit()
        self._head = submit_head(
            digits if number else options.sender,
            ton=INTERNATIONAL if number else ALPHANUMERIC_TON,
            npi=INTERNATIONAL if number else 0,
        )
        self._templates = {
            (kind, klass): tuple(_template(text) for text in texts)
            for kind, by_class in TEXTS.items()
            for klass, texts in by_class.items()
        }
        self._block: list[tuple[bytes, MessageClass, str, int]] = []

    def next(self) -> Submit:
        """The next message."""
        if not self._block:
            self._block = self._draw()
        destination, klass, kind, chance = self._block.pop()
        self._serial = (self._serial + 1) % 10**TOKEN_DIGITS
        texts = TEXTS[kind][klass]
        at = chance % len(texts)
        priority = self._options.priorities.get(klass.word, 0)
        registered = RECEIPT_WANTED if self._options.receipts else 0
        template = self._templates[kind, klass][at]
        serial = f"{self._serial:0{TOKEN_DIGITS}d}"
        if template is not None:
            octets = template.before + serial.encode("utf-16-be" if template.wide else "ascii") + template.after
            middle = bytes((0, 0, priority, 0, 0))  # esm_class, protocol_id, priority_flag, no schedule, no validity
            return Submit((self._head + destination + middle + submit_tail(octets, registered, template.coding),), klass)
        self._reference = (self._reference + 1) & 0xFF
        text = texts[at].replace("#", serial)
        measured = measure(text)
        encoding = getattr(measured, "encoding", "ucs2")
        segments = split(text, encoding, self._reference)
        middle = bytes((ESM_UDHI if segments.udh else 0, 0, priority, 0, 0))
        coding = data_coding_of(encoding)
        return Submit(
            tuple(
                self._head + destination + middle + submit_tail(part, 0 if number else registered, coding)
                for number, part in enumerate(segments.parts)
            ),
            klass,
        )

    def _draw(self) -> list[tuple[bytes, MessageClass, str, int]]:
        rng, places = self._rng, self._options.destinations
        class_edges = list(accumulate(share for _, share in self._classes))
        kind_edges = list(accumulate(share for _, share in self._kinds))
        where = rng.integers(len(places), size=BLOCK).tolist()
        numbers = rng.integers(10**12, size=BLOCK).tolist()
        classes = np.minimum(np.searchsorted(class_edges, rng.random(BLOCK), side="right"), len(self._classes) - 1).tolist()
        kinds = np.minimum(np.searchsorted(kind_edges, rng.random(BLOCK), side="right"), len(self._kinds) - 1).tolist()
        texts = rng.integers(1 << 20, size=BLOCK).tolist()
        block = []
        for i in range(BLOCK):
            place = places[where[i]]
            digits = f"{numbers[i] % 10**place.digits:0{place.digits}d}" if place.digits else ""
            address = pack_text(place.prefix + digits, ADDRESS_OCTETS, "destination_addr")
            block.append((address, self._classes[classes[i]][0], self._kinds[kinds[i]][0], texts[i]))
        return block


def _template(text: str) -> _Template | None:
    """A text prepared; None for one of several segments."""
    measured = measure(text.replace("#", "0" * TOKEN_DIGITS))
    if getattr(measured, "segments", 0) != 1:
        return None
    encoding = getattr(measured, "encoding", "ucs2")
    before, after = (split(part, encoding, 0).parts[0] if part else b"" for part in text.split("#"))
    return _Template(before, after, data_coding_of(encoding), encoding == "ucs2")
