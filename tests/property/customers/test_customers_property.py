"""Round trips: what a customer is sent reads as what came, and parts come together in whatever order and form."""

from random import Random
from typing import Any, get_args

from hypothesis import given
from hypothesis import strategies as st

from carriers.customers.inbound import inbound_of
from carriers.customers.joining import join_parts
from carriers.customers.message_ids import id_text, read_id
from carriers.customers.reading import Fault, Submission, group_of, pack_submission, read, unpack_submission
from carriers.customers.settling import check, incomplete, settle_parts
from carriers.smpp.compose import Composer, Unsendable
from carriers.smpp.messages import Data, Message, read_message
from carriers.smpp.pdu import pack_pdu
from router.ids import MessageId
from router.record import Body, Inbound, pack_body
from router.settings import CarrierProfile, LongMessages, Settings, SmppAccount, Tenant
from router.terms import Terms
from router.text import gsm
from router.text.national import LANGUAGES
from router.text.segments import measure

NOW_MS = 1_795_344_357_000
TENANT = Tenant(id="shop")
CARRIER = CarrierProfile(name="one", addresses=("127.0.0.1:1",), system_id="x")
TERMS = Terms.compile(Settings(carriers=(CARRIER,), tenants=(TENANT,)))
# No lone surrogates; no marks of byte order, which readers strip; no page break, which is shown as a line feed.
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\f\ufeff\ufffe"), max_size=400) | st.text(
    "".join(sorted(gsm.CHARACTERS - {"\f"})), max_size=700
)
octets = st.binary(max_size=700)
marks = st.sampled_from(get_args(LongMessages))
ports = st.sampled_from([b"", bytes.fromhex("05040b8423f0"), bytes.fromhex("0402230a")])


def account(alphabet: str = "gsm7", long_messages: str = "udh8") -> SmppAccount:
    values: dict[str, Any] = {"alphabet": alphabet, "long_messages": long_messages}
    return SmppAccount(system_id="gw", tenant="shop", password="scrypt$16384$8$1$00$00", **values)


def body(text: str, encoding: str, udh: bytes = b"", **fields: Any) -> Body:
    measured = measure(text, "octets" if encoding == "octets" else "auto", len(udh))
    return Body(
        tenant="shop", to="447700900999", sender="447700900123", text=text, klass=1, created_ms=NOW_MS, expires_ms=NOW_MS + 10**6,
        encoding=measured[0], segments=measured[2], country="GB", network="GB", udh=udh, **fields,
    )  # fmt: skip


def submissions(pdus: Any, of: SmppAccount) -> list[Submission]:
    """Bodies as a peer would read them."""
    got = [read(read_message(pack_pdu(4, 0, 1, one)), of) for one in pdus]
    read_ones = [one for one in got if isinstance(one, Submission)]
    assert len(read_ones) == len(got), got
    return read_ones


def shuffled(parts: list[Submission], seed: int) -> list[Submission]:
    """As they come back from the journal that gathered them in any order."""
    came = [(part.number, pack_submission(part)) for part in parts]
    Random(seed).shuffle(came)
    by_number = dict(came)
    return [unpack_submission(by_number[number]) for number in range(1, len(parts) + 1)]


@given(
    texts, marks, st.sampled_from(["gsm7", "latin1"]), ports, st.sampled_from([0x33, 0x34]), st.integers(0, 0xFFFF), st.integers()
)
def test_what_a_handset_wrote_is_what_a_customer_reads(text, way, alphabet, udh, version, reference, seed):
    of = account(alphabet, way)
    pdus = inbound_of(body(text, "auto", udh, inbound=Inbound(carrier="one")), of, version, reference)
    if not (text or udh):
        return
    parts = submissions(pdus, of)
    assert {part.total for part in parts} == {len(parts)}
    assert len({group_of(part, of) for part in parts}) == 1
    joined = join_parts(shuffled(parts, seed), of)
    assert (joined.text, joined.udh, joined.binary, joined.broken) == (text, udh, False, False)


@given(octets, marks, ports, st.integers(0, 0xFFFF), st.integers())
def test_binary_both_ways(data, way, udh, reference, seed):
    of = account(long_messages=way)
    pdus = inbound_of(body(data.decode("latin-1"), "octets", udh, inbound=Inbound(carrier="one")), of, 0x34, reference)
    if not (data or udh):
        return
    joined = join_parts(shuffled(submissions(pdus, of), seed), of)
    assert (joined.text.encode("latin-1"), joined.udh, joined.binary) == (data, udh, True)


@given(texts.filter(bool), marks, ports, st.sets(st.sampled_from(list(LANGUAGES))), st.integers(0, 0xFFFF), st.integers())
def test_what_is_sent_to_one_carrier_can_be_submitted_to_another(text, way, udh, tables, reference, seed):
    carrier = CarrierProfile(
        name="two", addresses=("127.0.0.1:1",), system_id="x", long_messages=way, shift_tables=tuple(sorted(tables))
    )
    message = body(text, "auto", udh)
    composed = Composer(carrier, Random(seed)).compose(message, NOW_MS / 1000, reference)
    assert composed is not None
    assert not isinstance(composed, Unsendable)
    if way != "udh16":
        assert len(composed) <= message.segments
    parts = shuffled(submissions(composed, account()), seed)
    settled = settle_parts(parts, account(), TENANT, TERMS, NOW_MS, message_id="M", first_ms=NOW_MS)
    assert isinstance(settled, Body)
    assert (settled.text, settled.udh, settled.to) == (text, udh, "447700900999")
    if udh or not tables:
        assert settled.segments <= message.segments


@given(st.data(), st.binary(max_size=300), st.integers(0, 255), st.integers(0, 3))
def test_whatever_a_customer_writes_is_settled_or_refused(data, text, esm_class, kind):
    strings = st.text(st.characters(max_codepoint=0xFF, exclude_characters="\0"), max_size=20) | st.sampled_from(
        ["447700900123", "+447700900123", "ACME", "88222"]
    )
    tags = st.sampled_from([0x20C, 0x20E, 0x20F, 0x20A, 0x20B, 0x424, 0x5, 0x17, 0x1400, 0x3FFF])
    tlvs = data.draw(st.dictionaries(tags, st.binary(max_size=4)))
    source, destination, times = data.draw(strings), data.draw(strings), st.sampled_from(["", "000000010000000R", "bad"])
    coding, octet = data.draw(st.sampled_from([0, 1, 3, 4, 8, 0x10, 0x18, 0xF6, 5, 6, 7, 0x55])), st.integers(0, 255)
    message: Message | Data = Message(
        source, destination, text[:254], esm_class if kind else 0x40, coding, data.draw(octet), tlvs,
        schedule=data.draw(times), validity=data.draw(times), priority=data.draw(octet),
    )  # fmt: skip
    if kind == 3:
        message = Data(source, destination, esm_class & 0x40, 1, coding, tlvs)
    got = read(message, account())
    if isinstance(got, Fault):
        assert got.status > 0
        return
    assert unpack_submission(pack_submission(got)) == got
    assert 1 <= got.number <= got.total
    check(got, account(), TENANT, TERMS, NOW_MS)
    settled = settle_parts([got], account(), TENANT, TERMS, NOW_MS, message_id="M", first_ms=NOW_MS)
    if isinstance(settled, Body):
        pack_body(settled)
        composed = Composer(CARRIER, Random(1)).compose(settled, NOW_MS / 1000)
        assert not isinstance(composed, Unsendable), composed
    pack_body(incomplete({got.number: got}, got.total, account(), TENANT, TERMS, NOW_MS, message_id="M", first_ms=NOW_MS))


@given(st.binary(min_size=16, max_size=16), st.integers(0, 255))
def test_every_id_is_read_back(octets_, part):
    assert read_id(id_text(MessageId(octets_), part)) == (octets_, part)


@given(st.text(max_size=40))
def test_any_text_is_an_id_or_none(text):
    found = read_id(text)
    assert found is None or id_text(*found) == text.upper()
