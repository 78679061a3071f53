"""Receipts as carriers write them: every oddity that the field has shown, one row each."""

import pytest

from carriers.smpp.receipts import (
    TAG_MESSAGE_PAYLOAD,
    TAG_MESSAGE_STATE,
    TAG_NETWORK_ERROR_CODE,
    TAG_RECEIPTED_MESSAGE_ID,
    Malformed,
    ReceiptText,
    normalise_id,
    read_receipt,
    receipt_id,
    submit_id,
    write_receipt,
)
from router.model import State

DELIVERED, UNDELIVERED, EXPIRED, SENT, UNCONFIRMED = (
    State.DELIVERED,
    State.UNDELIVERED,
    State.EXPIRED,
    State.SENT,
    State.UNCONFIRMED,
)


def _read(octets: bytes, tlvs: dict[int, bytes] | None = None, *, esm_class: int = 0x04, by_text: bool = True) -> object:
    return read_receipt(octets, tlvs or {}, esm_class=esm_class, by_text=by_text)


_NORMAL = b"id:7f3a sub:001 dlvrd:001 submit date:2611221245 done date:2611221246 stat:DELIVRD err:000 text:Hello"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(_NORMAL, ReceiptText("7f3a", DELIVERED, "DELIVRD", "000"), id="normal"),
        pytest.param(
            b"id:7f3a submit date:2611221245 done date:2611221246 stat:DELIVRD err:000 text:Hello",
            ReceiptText("7f3a", DELIVERED, "DELIVRD", "000"),
            id="no sub, no dlvrd",
        ),
        pytest.param(
            b"id:7f3a sub:001 dlvrd:001 submit date:2611221245 done date:2611221246 stat:DELIVRD err:000",
            ReceiptText("7f3a", DELIVERED, "DELIVRD", "000"),
            id="no text",
        ),
        pytest.param(b"id:7f3a stat:UNDELIV", ReceiptText("7f3a", UNDELIVERED, "UNDELIV", ""), id="only id and stat"),
        pytest.param(b"stat:EXPIRED id:7f3a", ReceiptText("7f3a", EXPIRED, "EXPIRED", ""), id="another order"),
        pytest.param(
            b"ID:7F3A SUB:001 DLVRD:001 SUBMIT DATE:2611221245 DONE DATE:2611221246 STAT:DELIVRD ERR:000 TEXT:Hello",
            ReceiptText("7F3A", DELIVERED, "DELIVRD", "000"),
            id="keys in capitals",
        ),
        pytest.param(_NORMAL.replace(b"text:", b"Text:"), ReceiptText("7f3a", DELIVERED, "DELIVRD", "000"), id="Text"),
        pytest.param(
            b"id: 7f3a sub: 001 dlvrd: 001 submit date: 2611221245 done date: 2611221246 stat: DELIVRD err: 000 text: Hello",
            ReceiptText("7f3a", DELIVERED, "DELIVRD", "000"),
            id="a space after colons",
        ),
        pytest.param(
            _NORMAL.replace(b"2611221245", b"261122124500").replace(b"2611221246", b"261122124600"),
            ReceiptText("7f3a", DELIVERED, "DELIVRD", "000"),
            id="dates with seconds",
        ),
        pytest.param(
            _NORMAL.replace(b"26112212", b"2026112212"), ReceiptText("7f3a", DELIVERED, "DELIVRD", "000"), id="four-digit year"
        ),
        pytest.param(
            _NORMAL.replace(b"2611221245", b"261122124557000+"),
            ReceiptText("7f3a", DELIVERED, "DELIVRD", "000"),
            id="absolute time of 16 characters",
        ),
        pytest.param(
            _NORMAL.replace(b"2611221245", b"1795351557"), ReceiptText("7f3a", DELIVERED, "DELIVRD", "000"), id="epoch seconds"
        ),
        pytest.param(
            _NORMAL.replace(b"2611221245", b"2026-11-22 12:45:57"),
            ReceiptText("7f3a", DELIVERED, "DELIVRD", "000"),
            id="a date with spaces and colons",
        ),
        pytest.param(_NORMAL.replace(b"err:000", b"err:0"), ReceiptText("7f3a", DELIVERED, "DELIVRD", "0"), id="err of one"),
        pytest.param(
            _NORMAL.replace(b"DELIVRD err:000", b"UNDELIV err:0x1F"),
            ReceiptText("7f3a", UNDELIVERED, "UNDELIV", "0x1F"),
            id="err of four",
        ),
        pytest.param(
            _NORMAL.replace(b"DELIVRD err:000", b"UNDELIV err:00A"),
            ReceiptText("7f3a", UNDELIVERED, "UNDELIV", "00A"),
            id="err with a letter",
        ),
        pytest.param(_NORMAL.replace(b"err:000", b"err:"), ReceiptText("7f3a", DELIVERED, "DELIVRD", ""), id="empty err"),
        pytest.param(b"id:7f3a stat:DELIVRD\0", ReceiptText("7f3a", DELIVERED, "DELIVRD", ""), id="trailing NUL"),
        pytest.param(b"id:7f3a\0 stat:DELIVRD err:000\0", ReceiptText("7f3a", DELIVERED, "DELIVRD", "000"), id="NUL inside"),
        pytest.param(
            b"id:7f3a stat:UNDELIV err:001 text:id:9999 stat:DELIVRD err:000",
            ReceiptText("7f3a", UNDELIVERED, "UNDELIV", "001"),
            id="the message copied says id: and stat:",
        ),
        pytest.param(
            b"id:7f3a sub:001 dlvrd:001 submit date:2611221245 done date:2611221246 stat:DELIVRD err:000 text:stat:EXPIRED id:1",
            ReceiptText("7f3a", DELIVERED, "DELIVRD", "000"),
            id="the same in the normal form",
        ),
        pytest.param(
            b"id:0000007f3a stat:delivrd", ReceiptText("0000007f3a", DELIVERED, "DELIVRD", ""), id="padding, small letters"
        ),
        pytest.param(b"id:7f3a stat:DELIVERED", ReceiptText("7f3a", DELIVERED, "DELIVERED", ""), id="more than seven letters"),
        pytest.param(b"id:7f3a stat:UNDELIVERABLE", ReceiptText("7f3a", UNDELIVERED, "UNDELIVERABLE", ""), id="far more"),
        pytest.param(b"id:7f3a err:000", ReceiptText("7f3a", DELIVERED, "", "000"), id="only err, no error"),
        pytest.param(b"id:7f3a err:027", ReceiptText("7f3a", UNDELIVERED, "", "027"), id="only err, an error"),
        pytest.param(
            b"id:7f3a stat:NOSUCH err:027", ReceiptText("7f3a", UNDELIVERED, "NOSUCH", "027"), id="word unknown, an error"
        ),
        pytest.param(b"id:7f3a,stat:DELIVRD,err:000", ReceiptText("7f3a", DELIVERED, "DELIVRD", "000"), id="commas"),
        pytest.param(
            "id:7f3a stat:DELIVRD err:000 text:".encode("utf-16-be"), ReceiptText("7f3a", DELIVERED, "DELIVRD", "000"), id="UCS-2"
        ),
        pytest.param(
            "\ufeffid:7f3a stat:DELIVRD".encode("utf-16-le"),
            ReceiptText("7f3a", DELIVERED, "DELIVRD", ""),
            id="UCS-2, little-endian",
        ),
        pytest.param(b"msgid:1 id:7f3a stat:DELIVRD", ReceiptText("7f3a", DELIVERED, "DELIVRD", ""), id="a word that ends in id"),
        pytest.param(b"id:7f3a\r\nstat:DELIVRD\r\n", ReceiptText("7f3a", DELIVERED, "DELIVRD", ""), id="lines"),
        pytest.param(
            b"id:6ba7b810-9dad-11d1-80b4-00c04fd430c8 stat:DELIVRD",
            ReceiptText("6ba7b810-9dad-11d1-80b4-00c04fd430c8", DELIVERED, "DELIVRD", ""),
            id="a UUID",
        ),
    ],
)
def test_texts(text: bytes, expected: ReceiptText) -> None:
    assert _read(text) == expected
    # message_payload instead of short_message, the same with other bits of esm_class set beside the type
    assert _read(b"", {TAG_MESSAGE_PAYLOAD: text}, esm_class=0x47) == expected


@pytest.mark.parametrize(
    ("word", "state"),
    [
        *(("DELIVRD", DELIVERED), ("EXPIRED", EXPIRED), ("DELETED", UNDELIVERED), ("UNDELIV", UNDELIVERED)),
        *(("ACCEPTD", SENT), ("ENROUTE", SENT), ("UNKNOWN", UNCONFIRMED), ("REJECTD", UNDELIVERED)),
        *(("BUFFRED", SENT), ("BUFFERD", SENT), ("BUFFERED", SENT), ("ACKED", SENT), ("SCHEDULED", SENT), ("ACCEPTED", SENT)),
        *(("FAILED", UNDELIVERED), ("SKIPPED", UNDELIVERED), ("REJECTED", UNDELIVERED)),
    ],
)
def test_states_of_words(word: str, state: State) -> None:
    assert _read(f"id:1 stat:{word}".encode()) == ReceiptText("1", state, word, "")


@pytest.mark.parametrize(
    ("number", "word", "state"),
    [
        *((0, "SCHEDLD", SENT), (1, "ENROUTE", SENT), (2, "DELIVRD", DELIVERED), (3, "EXPIRED", EXPIRED)),
        *((4, "DELETED", UNDELIVERED), (5, "UNDELIV", UNDELIVERED), (6, "ACCEPTD", SENT)),
        *((7, "UNKNOWN", UNCONFIRMED), (8, "REJECTD", UNDELIVERED), (9, "SKIPPED", UNDELIVERED)),
    ],
)
def test_states_of_the_tlv(number: int, word: str, state: State) -> None:
    tlvs = {TAG_RECEIPTED_MESSAGE_ID: b"1\0", TAG_MESSAGE_STATE: bytes((number,))}
    assert _read(b"", tlvs) == ReceiptText("1", state, word, "")
    assert _read(b"", tlvs, esm_class=0, by_text=False) == ReceiptText("1", state, word, "")  # TLVs only, no flag


def test_the_tlvs_go_before_the_text() -> None:
    tlvs = {TAG_RECEIPTED_MESSAGE_ID: b"AB12", TAG_MESSAGE_STATE: b"\5", TAG_NETWORK_ERROR_CODE: b"\3\1\2"}
    assert _read(_NORMAL, tlvs) == ReceiptText("AB12", UNDELIVERED, "DELIVRD", "000")
    assert _read(b"id:1 stat:DELIVRD", tlvs) == ReceiptText("AB12", UNDELIVERED, "DELIVRD", "258")


@pytest.mark.parametrize(
    ("tlvs", "expected"),
    [
        ({TAG_RECEIPTED_MESSAGE_ID: b"\0"}, ReceiptText("7f3a", DELIVERED, "DELIVRD", "000")),
        ({TAG_RECEIPTED_MESSAGE_ID: b" 9 \0"}, ReceiptText("9", DELIVERED, "DELIVRD", "000")),
        ({TAG_MESSAGE_STATE: b""}, ReceiptText("7f3a", DELIVERED, "DELIVRD", "000")),
        ({TAG_MESSAGE_STATE: b"\x63"}, ReceiptText("7f3a", DELIVERED, "DELIVRD", "000")),
        ({TAG_MESSAGE_STATE: b"\0\3"}, ReceiptText("7f3a", EXPIRED, "DELIVRD", "000")),  # an integer of the wrong width
        ({TAG_NETWORK_ERROR_CODE: b"\3"}, ReceiptText("7f3a", DELIVERED, "DELIVRD", "000")),
    ],
)
def test_odd_tlvs(tlvs: dict[int, bytes], expected: ReceiptText) -> None:
    assert _read(_NORMAL, tlvs) == expected


def test_intermediate_notifications_are_never_final_but_delivered() -> None:
    assert _read(b"id:1 stat:UNDELIV err:1", esm_class=0x20) == ReceiptText("1", SENT, "UNDELIV", "1")
    assert _read(b"id:1 stat:DELIVRD", esm_class=0x20) == ReceiptText("1", DELIVERED, "DELIVRD", "")


@pytest.mark.parametrize("esm_class", [0x04, 0x05, 0x07, 0x44, 0x84, 0xC7])
def test_the_type_is_masked_out_of_esm_class(esm_class: int) -> None:
    assert _read(_NORMAL, esm_class=esm_class, by_text=False) == ReceiptText("7f3a", DELIVERED, "DELIVRD", "000")


@pytest.mark.parametrize("esm_class", [0x00, 0x03, 0x40])
def test_without_a_flag_the_text_counts_when_the_profile_says_so(esm_class: int) -> None:
    assert _read(_NORMAL, esm_class=esm_class) == ReceiptText("7f3a", DELIVERED, "DELIVRD", "000")
    assert _read(_NORMAL, esm_class=esm_class, by_text=False) is None


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"Hello, is this the shop?",
        b"My id:7 stat:DELIVRD",  # does not begin with it
        b"id:7 err:0",  # err alone is too little without a flag
        b"id:7 stat:WHATEVER",
        b"id: stat:DELIVRD",
        b"STOP",
    ],
)
def test_without_a_flag_a_persons_words_are_no_receipt(text: bytes) -> None:
    assert _read(text, esm_class=0) is None


@pytest.mark.parametrize("esm_class", [0x08, 0x10, 0x18])
def test_acknowledgements_of_phones_are_no_receipts(esm_class: int) -> None:
    tlvs = {TAG_RECEIPTED_MESSAGE_ID: b"1\0", TAG_MESSAGE_STATE: b"\2"}
    assert _read(_NORMAL, tlvs, esm_class=esm_class) is None


@pytest.mark.parametrize(
    ("text", "tlvs", "word"),
    [
        (b"", {}, "id"),
        (b"stat:DELIVRD", {}, "id"),
        (b"id: stat:DELIVRD", {}, "id"),
        (b"id:1", {}, "state"),
        (b"id:1 stat:NOSUCH", {}, "state"),
        (b"id:1 stat:NOSUCH err:000", {}, "state"),  # no error is not yet a delivery when the word says something else
        (b"", {TAG_RECEIPTED_MESSAGE_ID: b"1\0"}, "state"),
        (b"", {TAG_MESSAGE_STATE: b"\2"}, "id"),
        (b"text:id:1 stat:DELIVRD", {}, "id"),
    ],
)
def test_flagged_and_of_no_use(text: bytes, tlvs: dict[int, bytes], word: str) -> None:
    match _read(text, tlvs):
        case Malformed(reason):
            assert word in reason
        case other:
            pytest.fail(f"read as {other}")


@pytest.mark.parametrize(
    ("mode", "in_response", "in_receipt", "key"),
    [
        ("exact", "00Ab", "00Ab", "00Ab"),
        ("exact", " 12\0", "12", "12"),
        ("case_insensitive", "AB12", "ab12", "ab12"),
        ("strip_zeros", "0000012", "12", "12"),
        ("strip_zeros", "000", "0", "0"),
        ("strip_zeros", "", "", ""),
        ("hex_to_decimal", "1F", "31", "31"),
        ("hex_to_decimal", "0x001f", "0000000031", "31"),
        ("hex_to_decimal", "10", "16", "16"),
        ("decimal_to_hex", "31", "1F", "31"),
        ("decimal_to_hex", "0031", "0000001f", "31"),
        ("hex_to_decimal", "not-hex", "not-hex", "not-hex"),  # stays as it is
        ("decimal_to_hex", "7_0", "7_0", "7_0"),
        ("decimal_to_hex", "+7", "+7", "+7"),
        ("hex_to_decimal", "F" * 64, str(16**64 - 1)[:64], None),
    ],
)
def test_ids_meet(mode: str, in_response: str, in_receipt: str, key: str | None) -> None:
    assert submit_id(in_response, mode) == normalise_id(in_response, mode)
    if key is not None:
        assert submit_id(in_response, mode) == key
        assert receipt_id(in_receipt, mode) == key


def test_exact_ids_keep_zeros_and_case() -> None:
    assert submit_id("0a", "exact") != receipt_id("a", "exact")
    assert submit_id("A", "exact") != receipt_id("a", "exact")


def test_an_unknown_mode_is_a_bug() -> None:
    with pytest.raises(ValueError, match="octal"):
        normalise_id("1", "octal")


def test_written_as_every_client_reads_it() -> None:
    # 2026-11-22 12:45:57 UTC
    octets, tlvs = write_receipt(
        "7f3a", "UNDELIV", submitted_s=1795351557, done_s=1795351557.9 + 60, err="1", text="Grüße an alle, die lange Texte mögen"
    )
    assert (
        octets
        == b"id:7f3a sub:001 dlvrd:000 submit date:2611221245 done date:2611221246 stat:UNDELIV err:001 text:Gr??e an alle, die l"
    )
    assert tlvs == {TAG_RECEIPTED_MESSAGE_ID: b"7f3a\0", TAG_MESSAGE_STATE: b"\5"}
    assert b"dlvrd:001" in write_receipt("1", "DELIVRD", submitted_s=0, done_s=0)[0]


def test_a_word_that_is_none_cannot_be_written() -> None:
    with pytest.raises(KeyError):
        write_receipt("1", "DELIVERED", submitted_s=0, done_s=0)
