import pytest

from carriers.customers.reading import Fault, Submission, group_of, pack_submission, read, unpack_submission
from carriers.smpp.messages import Data
from router.record import UnreadableRecord
from tests.unit.customers.world import account, message, submission


def part(udh: str, text: bytes = b"x", **fields):
    return submission(bytes.fromhex(udh) + text, **({"esm_class": 0x40} | fields))


def test_a_plain_message():
    got = submission(b"hi", data_coding=1, registered_delivery=0x11, priority=3, service_type="CMT", esm_class=3)
    assert got.whole
    assert got == Submission(
        source="ACME", source_ton=5, source_npi=0, destination="447700900123", destination_ton=1, destination_npi=1, octets=b"hi",
        data_coding=1, registered_delivery=0x11, priority=3, service_type="CMT",
    )  # fmt: skip


PARTS = [
    # kannel sets esm_class 43: store and forward, and a header
    (lambda: part("0500035a0302", esm_class=0x43), (0x5A, 3, 2, False), b""),
    (lambda: part("060804123402 01".replace(" ", "")), (0x1234, 2, 1, True), b""),
    (lambda: part("0b05040b8423f00003070201"), (7, 2, 1, False), bytes.fromhex("05040b8423f0")),  # ports come first
    (lambda: part("0500035a0101"), (0, 1, 1, False), b""),  # a part of one is whole
    (lambda: part("06050415811581"), (0, 1, 1, False), bytes.fromhex("050415811581")),
    (lambda: submission(tlvs={0x20C: b"\x12\x34", 0x20E: b"\2", 0x20F: b"\1"}), (0x1234, 2, 1, True), b""),
    # both: the header goes before the parameters
    (lambda: part("0500035a0201", tlvs={0x20C: b"\0\1", 0x20E: b"\3", 0x20F: b"\3"}), (0x5A, 2, 1, False), b""),
    # one or two of the three mean nothing
    (lambda: submission(tlvs={0x20C: b"\0\1", 0x20E: b"\3"}), (0, 1, 1, False), b""),
    (lambda: submission(tlvs={0x20B: b"\x0b\x84", 0x20A: b"\x23\xf0"}), (0, 1, 1, False), bytes.fromhex("05040b8423f0")),
    (lambda: submission(tlvs={0x20B: b"\x0b\x84"}), (0, 1, 1, False), bytes.fromhex("05040b840000")),
    (lambda: part("06050415811581", tlvs={0x20B: b"\x0b\x84"}), (0, 1, 1, False), bytes.fromhex("050415811581")),
]


@pytest.mark.parametrize(("make", "place", "others"), PARTS)
def test_what_a_part_belongs_to(make, place, others):
    got = make()
    assert (got.reference, got.total, got.number, got.wide) == place
    assert got.udh == others
    assert got.octets in {b"x", b"hello"}


def test_a_text_in_message_payload():
    assert submission(b"", tlvs={0x424: b"long"}).octets == b"long"
    assert submission(b"short", tlvs={0x424: b""}).octets == b"short"
    got = submission(b"", esm_class=0x40, tlvs={0x424: bytes.fromhex("0500035a0201") + b"long"})
    assert (got.octets, got.number, got.total) == (b"long", 1, 2)


def test_vendors_parameters_and_flash():
    got = submission(tlvs={0x1400: b"1201159", 0x1401: b"", 0x3FFF: b"z", 0x13FF: b"no", 0x4000: b"no", 0x0204: b"\0\1"})
    assert got.tlvs == {0x1400: b"1201159", 0x1401: b"", 0x3FFF: b"z"}
    assert submission(tlvs={0x0005: b"\1"}).flash
    assert not submission(tlvs={0x0005: b"\2"}).flash


def test_a_data_sm():
    data = Data("ACME", "447700900123", registered_delivery=1, tlvs={0x424: b"hello", 0x17: b"\0\0\x0e\x10"}, destination_ton=1)
    got = read(data, account())
    assert isinstance(got, Submission)
    assert (got.octets, got.validity, got.registered_delivery) == (b"hello", "000000010000000R", 1)


FAULTS = [
    ({"text": b""}, 0x01),
    ({"text": b"a", "tlvs": {0x424: b"b"}}, 0x01),
    ({"text": bytes.fromhex("0500035a0201"), "esm_class": 0x00, "tlvs": {0x424: b"b"}}, 0x01),
    ({"text": b"", "esm_class": 0x40}, 0x43),
    ({"text": bytes.fromhex("0500035a"), "esm_class": 0x40}, 0x43),
    ({"text": bytes.fromhex("0500035a0203"), "esm_class": 0x40}, 0x43),
    ({"text": bytes.fromhex("0500035a0200"), "esm_class": 0x40}, 0x43),
    ({"text": bytes.fromhex("0500035a0000"), "esm_class": 0x40}, 0x43),
    ({"text": bytes.fromhex("827080") + b"p" * 0x80, "esm_class": 0x40}, 0x43),
    ({"esm_class": 0x08}, 0x43),
    ({"esm_class": 0x04}, 0x43),
    ({"replace": 1}, 0x54),
    ({"default_id": 7}, 0x63),
    ({"schedule": "tomorrow, at six"}, 0x61),
    ({"validity": "261322104557000+"}, 0x62),
    ({"data_coding": 0x05}, 0x104),
    ({"data_coding": 0x0D}, 0x104),
    ({"data_coding": 0x20}, 0x104),
    ({"protocol_id": 0x40}, 0x45),
    ({"protocol_id": 0x7F}, 0x45),
    ({"tlvs": {0x20C: b"\1"}}, 0xC2),
    ({"tlvs": {0x20B: b"\1"}}, 0xC2),
    ({"tlvs": {0x20C: b"\0\1", 0x20E: b"\2", 0x20F: b"\3"}}, 0xC4),
    ({"tlvs": {0x20C: b"\0\1", 0x20E: b"\2", 0x20F: b"\0"}}, 0xC4),
    ({"tlvs": {0x1400: b"1" * 256}}, 0xC2),
    ({"tlvs": {0x1400 + n: b"" for n in range(17)}}, 0xC4),
]


@pytest.mark.parametrize(("fields", "status"), FAULTS)
def test_what_is_refused(fields, status):
    got = read(message(**fields), account())
    assert isinstance(got, Fault)
    assert got.status == status
    assert got.reason
    assert "447700" not in got.reason


def test_packed_and_back():
    got = part("0b05040b8423f00003070201", "é".encode(), tlvs={0x1400: b"\0", 0x1401: b"x"})
    assert unpack_submission(pack_submission(got)) == got
    assert pack_submission(got) == pack_submission(
        part("0b05040b8423f00003070201", "é".encode(), tlvs={0x1401: b"x", 0x1400: b"\0"})
    )
    with pytest.raises(UnreadableRecord):
        unpack_submission(b"\x01")


def test_a_group_is_what_all_parts_share():
    first = group_of(part("0500035a0201"), account())
    assert len(first) == 16
    assert group_of(part("0500035a0202", b"y", registered_delivery=0, data_coding=8), account()) == first
    others = [
        group_of(part("0500035b0201"), account()),
        group_of(part("0500035a0301"), account()),
        group_of(part("060804005a0201"), account()),
        group_of(part("0500035a0201", source="BANK"), account()),
        group_of(part("0500035a0201", destination="447700900124"), account()),
        group_of(part("0500035a0201"), account(system_id="other")),
    ]
    assert len({first, *others}) == 7
