"""Messages from handsets in pieces: as the journal keeps a part, and as the text is read from what is there."""

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from itertools import groupby
from typing import Final, NamedTuple

import msgspec

from router.ids import MessageId, created_ms
from router.inbound import Address
from router.model import ErrorName, MessageClass
from router.numbers import NetworkTable
from router.record import Body, Inbound, UnreadableRecord
from router.settings import InboundRule, Settings
from router.text import gsm
from router.text.reading import alphabet_of, decode
from router.text.udh import Concatenation, header, shifts_of, without_shifts

PIECE_VERSION: Final = 1
MARK: Final = b"i"  # second octet of a group: parts from handsets; those from customers have another
HOLE: Final = "[...]"  # what stands for parts that never came, in letters that every alphabet has


class Piece(msgspec.Struct, frozen=True, array_like=True, kw_only=True, gc=False):
    """A message from a handset, or one part of it. Packed, it is what the journal keeps of a part: nothing in it tells the time.

    So a part that the carrier sends twice is packed into the same octets.
    """

    version: int = PIECE_VERSION
    carrier: str
    source: Address  # the handset's
    destination: Address  # ours
    octets: bytes
    data_coding: int
    udh: bytes = b""  # information elements but those of concatenation


class Wording(NamedTuple):
    """What pieces say."""

    text: str  # of binary one character an octet
    binary: bool
    udh: bytes  # information elements that whoever writes the text again has to write, too
    keyed: str  # the text as far as its beginning is there: "" when the first piece never came


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(Piece)


def pack_piece(piece: Piece) -> bytes:
    """Piece to octets, the same ones for the same piece."""
    return _encoder.encode(piece)


def unpack_piece(octets: bytes) -> Piece:
    """Octets to piece; raises ``UnreadableRecord``."""
    try:
        return _decoder.decode(octets)
    except msgspec.DecodeError as error:
        raise UnreadableRecord(str(error)) from error


def digest_of(piece: Piece) -> bytes:
    """16 octets that tell a whole message from another one."""
    return blake2b(pack_piece(piece), digest_size=16).digest()


def group_of(piece: Piece, part: Concatenation) -> bytes:
    """The group of a part: 16 octets that all parts of its message share, the second of them ``MARK``."""
    shared = msgspec.msgpack.encode(
        (piece.carrier, piece.source.text, piece.destination.text, part.reference, part.total, part.wide)
    )
    digest = blake2b(shared, digest_size=16).digest()
    return digest[:1] + MARK + digest[2:]


def read_pieces(pieces: Mapping[int, Piece], total: int, alphabet: str) -> Wording:
    """The text of the pieces that are there, by number (1 … ``total``), with ``HOLE`` where others are missing.

    Octets are joined before they are decoded, because handsets and carriers cut surrogate and escape pairs; only neighbours
    that are to be read in the same way are joined. ``alphabet``: what data_coding 0 means there.
    """
    kinds = {alphabet_of(piece.data_coding) for piece in pieces.values()}
    binary = kinds == {"octets"}
    texts: list[str] = []
    before = 0
    for run in _runs(pieces):
        if run[0] > before + 1:
            texts.append(HOLE)
        before = run[-1]
        texts += [_text([pieces[number] for number in numbers], alphabet) for _, numbers in _alike(run, pieces)]
    if before < total:
        texts.append(HOLE)
    text = "".join(texts)
    first = pieces[min(pieces)]
    udh = first.udh if binary or not first.udh else without_shifts(first.udh)
    return Wording(text, binary, udh, text if 1 in pieces else "")


def _runs(pieces: Mapping[int, Piece]) -> list[list[int]]:
    """Numbers that follow each other."""
    runs: list[list[int]] = []
    for number in sorted(pieces):
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return runs


def _alike(run: Sequence[int], pieces: Mapping[int, Piece]) -> list[tuple[tuple[int, tuple[int, int]], list[int]]]:
    """Neighbours that are to be read in the same way."""
    manner = lambda number: (pieces[number].data_coding, shifts_of(pieces[number].udh))  # noqa: E731 (a key, used once)
    return [(key, list(numbers)) for key, numbers in groupby(run, key=manner)]


def _text(pieces: Sequence[Piece], alphabet: str) -> str:
    octets = b"".join(piece.octets for piece in pieces)
    tables = header(pieces[0].udh)
    return decode(tables + octets, pieces[0].data_coding, udh=bool(tables), alphabet=alphabet)


def inbound_body(
    message_id: MessageId,
    pieces: Mapping[int, Piece],
    total: int,
    wording: Wording,
    rule: InboundRule,
    networks: NetworkTable,
    settings: Settings,
) -> Body:
    """The body of a message from a handset. ``fault`` says when parts of it never came."""
    first = pieces[min(pieces)]
    source = first.source
    country, network = networks.lookup(source.text) if source.international else ("", "")
    at_ms = created_ms(message_id)
    encoding = "gsm7" if gsm.count(wording.text) >= 0 else "ucs2"
    return Body(
        tenant=rule.tenant,
        to=first.destination.text,
        sender=source.text,
        text=wording.text,
        klass=int(MessageClass.TRANSACTIONAL),
        created_ms=at_ms,
        expires_ms=at_ms,
        encoding="octets" if wording.binary else encoding,
        segments=total,
        country=country,
        network=network,
        currency=settings.currency,
        inbound=Inbound(carrier=first.carrier, account=rule.account),
        udh=wording.udh,
        fault="" if len(pieces) == total else str(ErrorName.INCOMPLETE),
    )
