"""Messages to carriers that are more than plain text: binary, headers of their own, national tables."""

from random import Random
from typing import get_args

import pytest

from carriers.port import Outgoing, Verdict
from carriers.smpp import commands as c
from carriers.smpp.compose import Composer, Entire, Unsendable
from carriers.smpp.jobs import Job
from carriers.smpp.messages import Message, read_message
from carriers.smpp.pdu import pack_pdu
from router.ids import make_id
from router.model import Again, MessageClass
from router.record import Body
from router.settings import CarrierProfile, LongMessages
from router.text.segments import decode, measure
from router.text.udh import others_of, read_udh, udh_fault

PORTS = bytes.fromhex("05040b8423f0")
OCTETS = bytes(range(256)) + b"\0\x1b" * 22  # 300


def profile(**fields) -> CarrierProfile:
    return CarrierProfile(**({"name": "acme", "addresses": ("127.0.0.1:2775",), "system_id": "me"} | fields))


def body(text: str, encoding: str = "auto", **fields) -> Body:
    measured = measure(text, encoding, len(fields.get("udh", b"")))
    values = {
        "tenant": "t", "to": "447700900123", "sender": "BANK", "text": text, "klass": 1, "created_ms": 0, "expires_ms": 3_600_000,
        "encoding": measured[0], "segments": measured[2], "country": "GB", "network": "",
    }  # fmt: skip
    return Body(**(values | fields))


def composed(message: Body, **fields) -> list[Message]:
    parts = Composer(profile(**fields), Random(1)).compose(message, 0.0)
    assert parts is not None
    assert not isinstance(parts, Unsendable), parts
    return [read_message(pack_pdu(4, 0, 1, part)) for part in parts]


def shown(parts: list[Message]) -> str:
    header = parts[0].esm_class & c.ESM_UDHI
    tables = others_of(parts[0].short_message) if header else b""
    octets = b"".join(read_udh(part.short_message)[1] if header else part.short_message for part in parts)
    return decode((bytes((len(tables),)) + tables if tables else b"") + octets, parts[0].data_coding, udh=bool(tables))


@pytest.mark.parametrize("marks", get_args(LongMessages))
@pytest.mark.parametrize("flash", [False, True])
@pytest.mark.parametrize("alphabet", ["gsm7", "latin1"])
def test_binary(marks, flash, alphabet):
    message = body(OCTETS.decode("latin-1"), "octets", flash=flash)
    parts = composed(message, long_messages=marks, default_alphabet=alphabet)
    assert {part.data_coding for part in parts} == {4}
    if marks == "payload":
        assert [part.tlvs[c.TLV_MESSAGE_PAYLOAD] for part in parts] == [OCTETS]
    else:
        assert len(parts) == message.segments == 3
        assert shown(parts).encode("latin-1") == OCTETS
    (one,) = composed(body("\0\xff", "octets"), long_messages=marks)
    assert (one.short_message, one.data_coding, one.esm_class) == (b"\0\xff", 4, 0)


@pytest.mark.parametrize("marks", get_args(LongMessages))
@pytest.mark.parametrize(
    ("text", "encoding"), [("x" * 400, "auto"), ("ж" * 200, "auto"), ("\xff" * 300, "octets"), ("x", "auto")]
)
def test_a_header_of_its_own_is_in_every_part(marks, text, encoding):
    message = body(text, encoding, udh=PORTS)
    parts = composed(message, long_messages=marks)
    assert {part.esm_class for part in parts} == {c.ESM_UDHI}
    assert all(udh_fault(part.short_message) == "" and others_of(part.short_message) == PORTS for part in parts)
    assert all(not part.tlvs for part in parts)  # marked in one way only
    assert len(parts) == message.segments
    assert shown(parts) == text


TURKISH = "Şifreniz 4711, lütfen kimseyle paylaşmayın. " * 3  # 132 characters: two parts of UCS-2
SPANISH = "Su código es 4711. No lo comparta con nadie más. " * 4
PORTUGUESE = "O seu código é 4711. Não o partilhe com ninguém. Atenção às imitações! " * 6


@pytest.mark.parametrize(
    ("text", "tables", "parts"),
    [(TURKISH, ("turkish",), 1), (SPANISH, ("spanish",), 2), (PORTUGUESE, ("portuguese",), 3), (SPANISH, ("turkish", "spanish"), 2)],
)  # fmt: skip
@pytest.mark.parametrize("marks", ["udh8", "udh16"])
def test_texts_in_their_national_tables(text, tables, parts, marks):
    message = body(text)
    got = composed(message, shift_tables=tables, long_messages=marks)
    assert len(got) == parts < message.segments
    assert {(part.data_coding, part.esm_class) for part in got} == {(0, c.ESM_UDHI)}
    assert shown(got) == text
    (plain,) = {part.data_coding for part in composed(message)}
    assert plain == 8


def test_where_tables_would_save_nothing_or_could_not_be_read():
    short, long = body("Şifre 4711"), body(TURKISH)
    assert composed(short, shift_tables=("turkish",))[0].data_coding == 8
    assert composed(short, shift_tables=("turkish",), ucs2=False)[0].data_coding == 0  # it saves the message
    assert composed(long, shift_tables=("spanish",))[0].data_coding == 8
    assert composed(long, shift_tables=("turkish",), default_alphabet="latin1")[0].data_coding == 8
    assert composed(body(TURKISH, flash=True), shift_tables=("turkish",), default_alphabet="latin1")[0].data_coding == 0x10
    # one part has no marks; several are marked as the carrier likes it
    assert composed(long, shift_tables=("turkish",), long_messages="sar")[0].data_coding == 0
    sar = composed(body(TURKISH * 2), shift_tables=("turkish",), long_messages="sar")
    assert {(part.data_coding, part.esm_class, part.tlvs[c.TLV_SAR_TOTAL]) for part in sar} == {(8, 0, b"\4")}
    refused = Composer(profile(shift_tables=("turkish",), ucs2=False), Random(1)).compose(body("ж"), 0.0)
    assert isinstance(refused, Unsendable)
    assert refused.again is Again.OTHER


def test_marks_of_what_has_a_header_anyway_are_not_changed():
    composer = Composer(profile(long_messages="sar"), Random(1))
    assert composer.mended(None, "marks", body("x" * 400), marked=True) is not None
    assert composer.mended(None, "marks", body("x" * 400, udh=PORTS), marked=True) is None


@pytest.mark.parametrize(
    ("message", "fields", "weight", "parts", "ids"),
    [
        (body(TURKISH), {"shift_tables": ("turkish",)}, 1, 1, ("a", "")),
        (body(TURKISH), {"long_messages": "payload"}, 2, 1, ("a", "")),
        (body(PORTUGUESE), {"shift_tables": ("portuguese",)}, 1, 3, ("a", "a", "a", "", "", "", "")),
        (body("x" * 400), {}, 1, 3, ("a", "a", "a")),
        (body("x" * 150), {"default_alphabet": "latin1"}, 1, 2, ("a", "a")),
        (body("x" * 150), {"default_alphabet": "latin1", "long_messages": "payload"}, 1, 1, ("a",)),
    ],
)
def test_fewer_parts_than_segments_still_give_an_id_a_segment(message, fields, weight, parts, ids):
    composed = Composer(profile(**fields), Random(1)).compose(message, 0.0)
    assert composed is not None
    assert not isinstance(composed, Unsendable)
    assert isinstance(composed, Entire) == (fields.get("long_messages") == "payload")
    job = Job(Outgoing(make_id(0, 0, bytes(10)), 1, MessageClass.TRANSACTIONAL, message), 1, 0.0)
    job.begin(composed)
    assert (job.weight, job.left) == (weight, parts)
    job.left, job.accepted, job.ids = 0, parts, ["a"] * parts
    verdict = job.verdict()
    assert verdict is not None
    assert (verdict.verdict, verdict.carrier_ids) == (Verdict.ACCEPTED, ids)
