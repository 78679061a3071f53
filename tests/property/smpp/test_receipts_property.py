from hypothesis import given
from hypothesis import strategies as st

from carriers.smpp.receipts import (
    TAG_MESSAGE_PAYLOAD,
    TAG_MESSAGE_STATE,
    TAG_NETWORK_ERROR_CODE,
    TAG_RECEIPTED_MESSAGE_ID,
    Malformed,
    ReceiptText,
    _fields,
    _tolerant,
    normalise_id,
    read_receipt,
    receipt_id,
    submit_id,
    write_receipt,
)
from carriers.smpp.statuses import react, status_name
from router.model import State

WORDS = ["ENROUTE", "DELIVRD", "EXPIRED", "DELETED", "UNDELIV", "ACCEPTD", "UNKNOWN", "REJECTD"]
MODES = ["exact", "case_insensitive", "strip_zeros", "hex_to_decimal", "decimal_to_hex"]
ids = st.text("0123456789abcdefABCDEF_-zZ", min_size=1, max_size=32)
words = st.sampled_from(WORDS)
errs = st.text("0123456789ABCx", min_size=1, max_size=4)
spaces = st.sampled_from(["", " ", "  "])
gaps = st.sampled_from([" ", "  ", "\r\n", "\0 ", ", "])
tlvs = st.dictionaries(
    st.sampled_from([TAG_RECEIPTED_MESSAGE_ID, TAG_MESSAGE_STATE, TAG_NETWORK_ERROR_CODE, TAG_MESSAGE_PAYLOAD, 0x1400]),
    st.binary(max_size=70),
)
# Texts that look like receipts often enough to reach every branch.
pieces = st.lists(
    st.sampled_from(
        [
            *(
                "id:",
                "ID :",
                "sub:001",
                "dlvrd:001",
                "submit date:2611221245",
                "done date:2611221246",
                "stat:",
                "Stat: ",
                "err:",
                "text:",
            ),
            *("DELIVRD", "UNDELIV", "7f3a", "000", "0x1F", " ", "  ", "\0", ",", "é", "msgid:"),
        ]
    ),
    max_size=24,
).map("".join)


@st.composite
def normal_forms(draw: st.DrawFn) -> bytes:
    """The usual form, with a character put out of place now and then."""
    octets = bytearray(
        f"id:{draw(ids)} sub:001 dlvrd:001 submit date:{draw(st.integers(0, 10**14))} done date:2611221246 "
        f"stat:{draw(words)} err:{draw(errs)}{draw(st.sampled_from([' text:', ' Text:', '']))}{draw(st.text('id:stat x', max_size=9))}".encode()
    )
    if draw(st.booleans()):
        position = draw(st.integers(0, len(octets) - 1))
        octets[position : position + draw(st.integers(0, 1))] = draw(
            st.sampled_from([b"", b" ", b":", b"x", b"\0", b"-", b"id:", b"text:"])
        )
    return bytes(octets)


@given(normal_forms())
def test_the_fast_path_says_what_the_tolerant_one_says(octets: bytes) -> None:
    assert _fields(octets) == _tolerant(octets)


@given(pieces)
def test_so_it_does_for_texts_of_all_kinds(text: str) -> None:
    assert _fields(text.encode("latin-1")) == _tolerant(text.encode("latin-1"))


@given(st.binary(max_size=300) | pieces.map(lambda text: text.encode("latin-1")), tlvs, st.integers(0, 255), st.booleans())
def test_no_octets_raise(octets: bytes, options: dict[int, bytes], esm_class: int, by_text: bool) -> None:
    match read_receipt(octets, options, esm_class=esm_class, by_text=by_text):
        case ReceiptText() as receipt:
            assert receipt.carrier_id
            assert receipt.state is State.SENT or receipt.state.final
        case Malformed():
            assert esm_class & 0x3C in {0x04, 0x20}
        case None:
            assert esm_class & 0x3C not in {0x04, 0x20}


@given(
    ids,
    words,
    errs,
    st.permutations(["id", "stat", "err", "sub", "done date"]),
    st.lists(spaces, min_size=5),
    st.lists(gaps, min_size=5),
    st.data(),
)
def test_order_spacing_and_case_change_nothing(
    carrier_id: str, word: str, err: str, order: list[str], after: list[str], between: list[str], data: st.DataObject
) -> None:
    values = {"id": carrier_id, "stat": word, "err": err, "sub": "001", "done date": "261122 12:46"}
    text = ""
    for key, space, gap in zip(order, after, between, strict=False):
        written = data.draw(st.sampled_from([key, key.upper(), key.title()]))
        text += f"{written}:{space}{values[key]}{gap}"
    receipt = read_receipt((text + "text:id:no stat:no").encode(), {}, esm_class=4, by_text=False)
    assert isinstance(receipt, ReceiptText)
    assert (receipt.carrier_id, receipt.stat, receipt.err) == (carrier_id, word, err)


@given(ids, words, st.integers(0, 4_000_000_000), st.integers(0, 4_000_000_000), st.text("0123456789", max_size=3), st.text())
def test_what_is_written_is_read_back(carrier_id: str, word: str, submitted_s: int, done_s: int, err: str, text: str) -> None:
    octets, options = write_receipt(carrier_id, word, submitted_s=submitted_s, done_s=done_s, err=err, text=text)
    assert len(octets) <= 254
    receipt = read_receipt(octets, options, esm_class=4, by_text=False)
    assert isinstance(receipt, ReceiptText)
    assert (receipt.carrier_id, receipt.stat, receipt.err) == (carrier_id, word, err.rjust(3, "0"))
    assert read_receipt(octets, {}, esm_class=0, by_text=True) == receipt
    assert read_receipt(b"", options, esm_class=0, by_text=False) == receipt._replace(err="")


@given(st.text(max_size=80), st.sampled_from(MODES), st.booleans())
def test_ids_of_any_kind_have_a_key(raw: str, mode: str, receipt: bool) -> None:
    key = normalise_id(raw, mode, receipt=receipt)
    assert key or not raw.strip(" \0\t\r\n")


@given(st.integers(0, 16**16), st.integers(0, 20))
def test_hexadecimal_and_decimal_meet(number: int, padding: int) -> None:
    zeros = "0" * padding
    assert submit_id(f"{zeros}{number:x}", "hex_to_decimal") == receipt_id(f"{number}", "hex_to_decimal")
    assert submit_id(f"{number}", "decimal_to_hex") == receipt_id(f"{zeros}{number:X}", "decimal_to_hex")


@given(st.integers(1, 0xFFFFFFFF))
def test_every_status_has_a_name_and_a_reaction(status: int) -> None:
    assert f"0x{status:02X}" in status_name(status)
    assert react(status, {}).error
