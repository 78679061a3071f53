import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from router.text import gsm
from router.text.reading import decode
from router.text.segments import MAX_PARTS, Measure, NotEncodable, data_coding_of, join, measure, split, whole
from router.text.transliterate import transliterate
from router.text.udh import read_udh, udh_fault

GSM = "".join(sorted(gsm.CHARACTERS))
gsm_texts = st.text(GSM, max_size=700) | st.text("ab€[", max_size=700)
any_texts = st.text(max_size=300)
# Pairs at every distance from each other and from the start, so that most limits would fall into one.
paired_texts = st.builds(
    lambda kind, start, distance, times: "x" * start + (kind[0] * distance + kind[1]) * times,
    st.sampled_from([("x", "€"), ("é", "["), ("x", "€é"), ("П", "😀"), ("x", "😀"), ("€", "😀😀")]),
    st.integers(0, 4),
    st.integers(0, 6),
    st.integers(90, 180),
)
requests = st.sampled_from(["auto", "gsm7", "ucs2", "latin1"])
CAPACITIES = {
    ("gsm7", False): 153,
    ("gsm7", True): 152,
    ("ucs2", False): 134,
    ("ucs2", True): 132,
    ("latin1", False): 134,
    ("latin1", True): 133,
}


def _shown(octets: bytes, encoding: str) -> str:
    """As a handset reads them. Byte order marks and the C1 controls are read differently on purpose; they are checked raw."""
    text = decode(octets, data_coding_of(encoding), udh=False)
    raw = gsm.decode(octets) if encoding == "gsm7" else octets.decode("utf-16-be" if encoding == "ucs2" else "latin-1")
    if raw[:1] not in {"\ufeff", "\ufffe"} and not (encoding == "latin1" and any("\x80" <= c <= "\x9f" for c in raw)):
        assert text == raw
    return raw


@given(gsm_texts)
def test_septets_and_back(text: str) -> None:
    octets = gsm.encode(text)
    assert len(octets) == gsm.count(text)
    assert max(octets, default=0) < 0x80
    assert gsm.decode(octets) == text


@given(st.text())
def test_count_foreign_and_encode_agree(text: str) -> None:
    wrong = gsm.foreign(text)
    assert wrong == [i for i, character in enumerate(text) if character not in gsm.CHARACTERS]
    assert (gsm.count(text) == -1) == bool(wrong)
    try:
        assert len(gsm.encode(text)) == gsm.count(text)
        assert not wrong
    except gsm.NotGsm:
        assert wrong


@given(any_texts | gsm_texts, requests, st.integers(0, 0xFFFF), st.booleans())
def test_cutting_and_joining_gives_the_text(text: str, requested: str, reference: int, wide: bool) -> None:
    _check_cut(text, requested, reference, wide)


@given(paired_texts, st.booleans())
def test_no_pair_is_cut(text: str, wide: bool) -> None:
    _check_cut(text, "auto", 0x5A, wide)


def _check_cut(text: str, requested: str, reference: int, wide: bool) -> None:
    measured = measure(text, requested)
    if isinstance(measured, NotEncodable):
        assert measured.positions
        assert {text[i] for i in measured.positions} == set(measured.characters)
        return
    cut = split(text, measured.encoding, reference, wide=wide)
    assert cut.encoding == measured.encoding
    if not wide:
        assert len(cut.parts) == measured.segments <= MAX_PARTS
    assert cut.udh == (len(cut.parts) > 1)
    if not cut.udh:
        assert _shown(cut.parts[0], cut.encoding) == text
        return
    capacity = CAPACITIES[cut.encoding, wide]
    payloads = []
    for number, part in enumerate(cut.parts, 1):
        assert len(part) <= (160 if cut.encoding == "gsm7" else 140)
        assert udh_fault(part) == ""
        found, payload = read_udh(part)
        assert found == (reference & (0xFFFF if wide else 0xFF), len(cut.parts), number, wide)
        # Filled as far as it goes: short by no more than half a pair.
        assert capacity - (2 if cut.encoding == "ucs2" else 1) <= len(payload) <= capacity or number == len(cut.parts)
        payloads.append((number, payload))
    # No pair is cut: the parts can be read one by one.
    assert "".join(_shown(payload, cut.encoding) for _, payload in payloads) == text
    whole = join(reversed(payloads), len(payloads))
    assert whole is not None
    assert _shown(whole, cut.encoding) == text


@given(any_texts | gsm_texts | paired_texts)
def test_segments_are_the_fewest_that_hold_the_units(text: str) -> None:
    measured = measure(text)
    if isinstance(measured, Measure):
        alone, beside = (160, 153) if measured.encoding == "gsm7" else (70, 67)
        if measured.units <= alone:
            assert measured.segments == 1
        else:
            assert -(-measured.units // beside) <= measured.segments <= -(-measured.units // (beside - 1))


@given(gsm_texts, st.integers(0, 255))
def test_latin1_carriers(text: str, reference: int) -> None:
    cut = split(text, "gsm7", reference, alphabet="latin1")
    assert cut.encoding == ("ucs2" if any(character > "\xff" for character in text) else "latin1")
    octets = b"".join(read_udh(part)[1] if cut.udh else part for part in cut.parts)
    assert octets.decode("latin-1" if cut.encoding == "latin1" else "utf-16-be") == text


@given(st.binary(max_size=160), st.integers(0, 255), st.booleans())
def test_no_octets_raise(octets: bytes, data_coding: int, udh: bool) -> None:
    decode(octets, data_coding, udh)
    found, payload = read_udh(octets)
    assert octets.endswith(payload)
    if not udh_fault(octets):
        assert len(payload) == len(octets) - 1 - octets[0]
    if found is not None:
        assert 1 <= found.number <= found.total


@given(any_texts | gsm_texts | paired_texts, st.integers(0, 0xFFFF))
def test_parts_without_headers_are_those_beside_them(text: str, reference: int) -> None:
    measured = measure(text)
    if not isinstance(measured, Measure) or measured.segments > MAX_PARTS:
        return
    beside = split(text, measured.encoding, reference)
    bare = split(text, measured.encoding, reference, header=False)
    assert not bare.udh
    assert bare.parts == (tuple(read_udh(part)[1] for part in beside.parts) if beside.udh else beside.parts)
    assert whole(text, measured.encoding).parts == (b"".join(bare.parts),)


@given(any_texts | st.text("aé“”–…\u00a0Ł\u0301", max_size=80))
def test_a_replaced_text_is_gsm_and_stays_so(text: str) -> None:
    found = transliterate(text)
    if found is None:
        return
    assert gsm.count(text) == -1
    assert gsm.count(found.text) >= 0
    assert transliterate(found.text) is None
    assert all(change.times > 0 and change.character in unicodedata.normalize("NFC", text) for change in found.changes)
