"""Messages from handsets: whatever octets come, something is read and nothing raises; what was cut is whole again."""

from hypothesis import given, settings
from hypothesis import strategies as st

from carriers.smpp import commands as c
from carriers.smpp.handsets import read_inbound
from carriers.smpp.messages import Data, Message
from router.inbound import InboundRules, keyword_of, read_address
from router.pieces import HOLE, Piece, pack_piece, read_pieces, unpack_piece
from router.settings import InboundRule, Settings
from router.text.segments import data_coding_of, measure, split

TLVS = st.dictionaries(
    st.sampled_from((c.TLV_SAR_REFERENCE, c.TLV_SAR_TOTAL, c.TLV_SAR_NUMBER, c.TLV_MESSAGE_PAYLOAD)), st.binary(max_size=8)
)
TEXT = st.text(st.characters(blacklist_categories=("Cs",)), min_size=1, max_size=400)


@given(octets=st.binary(max_size=160), esm_class=st.integers(0, 255), coding=st.integers(0, 255), tlvs=TLVS, data=st.booleans())
def test_anything_is_read(octets, esm_class, coding, tlvs, data):
    if data:
        body = Data(
            "447700900123", "12345", esm_class=esm_class, data_coding=coding, tlvs={**tlvs, c.TLV_MESSAGE_PAYLOAD: octets}
        )
    else:
        body = Message("447700900123", "12345", octets, esm_class=esm_class, data_coding=coding, tlvs=tlvs)
    read = read_inbound(body, 1.0)
    if read.part is not None:
        assert 1 <= read.part.number <= read.part.total
    piece = Piece(
        carrier="acme",
        source=read_address(read.source, read.source_ton),
        destination=read_address(read.destination, read.destination_ton),
        octets=read.octets,
        data_coding=read.data_coding,
        udh=read.udh,
    )
    assert unpack_piece(pack_piece(piece)) == piece
    wording = read_pieces({1: piece}, 1, "gsm7")
    assert wording.text.isascii() or wording.text.encode("utf-8")  # no lone surrogates: it can be told in JSON
    keyword_of(wording.text)


@settings(deadline=None)
@given(
    text=TEXT,
    repeat=st.integers(1, 4),
    wide=st.booleans(),
    order=st.randoms(use_true_random=False),
    lost=st.integers(0, 3),
)
def test_what_was_cut_is_whole_again(text, repeat, wide, order, lost):
    text *= repeat
    measured = measure(text)
    segments = split(text, measured.encoding, 7, wide=wide)
    arrived = [
        read_inbound(
            Message("1", "2", part, esm_class=c.ESM_UDHI if segments.udh else 0, data_coding=data_coding_of(segments.encoding)),
            0.0,
        )
        for part in segments.parts
    ]
    order.shuffle(arrived)
    pieces = {}
    address = read_address("1", 0)
    for one in arrived:
        number = one.part.number if one.part is not None else 1
        pieces[number] = Piece(
            carrier="a", source=address, destination=address, octets=one.octets, data_coding=one.data_coding, udh=one.udh
        )
    total = len(segments.parts)
    # A BOM at the very beginning is a mark and no character.
    expected = text.removeprefix("\ufeff") if measured.encoding == "ucs2" else text
    if not (measured.encoding == "ucs2" and text.startswith("\ufffe")):
        assert read_pieces(pieces, total, "gsm7").text == expected
    for number in list(pieces)[:lost]:
        if len(pieces) > 1:
            del pieces[number]
    if len(pieces) < total:
        assert HOLE in read_pieces(pieces, total, "gsm7").text


@given(
    to=st.from_regex(r"(\*|[0-9]{1,6}\*?)", fullmatch=True),
    number=st.from_regex(r"[0-9]{1,8}", fullmatch=True),
    keyword=st.sampled_from(("", "stop")),
    text=st.sampled_from(("", "stop", "Stop it", "go")),
)
def test_a_rule_matches_as_it_reads(to, number, keyword, text):
    table = InboundRules.compile(Settings(inbound=(InboundRule(to=to, keyword=keyword, tenant="t"),)))
    fits = number.startswith(to[:-1]) if to.endswith("*") else number == to
    assert table.reaches(number, "acme") is fits
    assert (table.match(number, text, "acme") is not None) is (fits and (not keyword or keyword_of(text) == keyword))


@given(st.text(max_size=30), st.integers(0, 255))
def test_an_address_is_read_as_it_is_kept(written, ton):
    once = read_address(written, ton)
    if once.international:
        assert read_address(once.text, 1) == once
        assert 8 <= len(once.text) <= 15
