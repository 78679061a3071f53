import json
from pathlib import Path
from typing import Any

import pytest

from router.text.segments import (
    MAX_PARTS,
    Measure,
    NotEncodable,
    Segments,
    TooManyParts,
    data_coding_of,
    decode,
    join,
    measure,
    split,
)
from router.text.udh import read_udh

# Computed by software other than ours: each vector names the programs that agree on it.
VECTORS: list[dict[str, Any]] = json.loads((Path(__file__).parents[2] / "data" / "gsm.json").read_text("utf-8"))["vectors"]


def _text(vector: dict[str, Any]) -> str:
    if "text" in vector:
        return str(vector["text"])
    unit, times = vector["text_repeat"]
    return str(unit * times)


@pytest.mark.parametrize("vector", [v for v in VECTORS if "data_coding" in v and not v.get("optional")], ids=lambda v: v["id"])
def test_vector(vector: dict[str, Any]) -> None:
    text, wide = _text(vector), vector["concat"] == "udh16"
    assert measure(text, vector["requested"]) == Measure(vector["encoding"], vector["units"], vector["segments"])
    cut = split(text, vector["encoding"], vector["ref"] or 0, wide=wide)
    assert cut.udh == (vector["esm_class"] == 0x40)
    assert len(cut.parts) == vector["segments"]
    assert data_coding_of(cut.encoding) == vector["data_coding"]
    if "short_messages" in vector:
        assert [part.hex() for part in cut.parts] == vector["short_messages"]
    else:
        assert cut.parts[0].hex() == vector["first_short_message"]
        assert cut.parts[-1].hex() == vector["last_short_message"]
    payloads = [read_udh(part)[1] for part in cut.parts] if cut.udh else cut.parts
    assert decode(b"".join(payloads), vector["data_coding"], udh=False) == text


@pytest.mark.parametrize("vector", [v for v in VECTORS if v.get("error") == "too_long"], ids=lambda v: v["id"])
def test_vector_too_long(vector: dict[str, Any]) -> None:
    measured = measure(_text(vector), vector["requested"])
    assert isinstance(measured, Measure)
    assert measured.segments > MAX_PARTS
    with pytest.raises(TooManyParts):
        split(_text(vector), "gsm7", 0)


@pytest.mark.parametrize("vector", [v for v in VECTORS if v.get("optional")], ids=lambda v: v["id"])
def test_vector_of_a_national_table_is_read_and_not_measured(vector: dict[str, Any]) -> None:
    assert decode(bytes.fromhex(vector["short_messages"][0]), vector["data_coding"], udh=True) == vector["text"]
    measured = measure(vector["text"])
    assert isinstance(measured, Measure)
    assert measured.encoding == "ucs2"


def test_every_vector_is_used() -> None:
    assert len(VECTORS) == 31
    assert all("data_coding" in v or v.get("error") == "too_long" for v in VECTORS)


@pytest.mark.parametrize(
    ("text", "requested", "expected"),
    [
        ("naïve ` tick `", "gsm7", NotEncodable(("ï", "`"), (2, 6, 13))),
        ("Γειά", "latin1", NotEncodable(("Γ", "ε", "ι", "ά"), (0, 1, 2, 3))),
        ("a\ud800b", "auto", NotEncodable(("\ud800",), (1,))),
        ("a\udfffb", "ucs2", NotEncodable(("\udfff",), (1,))),
        ("ça va", "latin1", Measure("latin1", 5, 1)),
        ("x" * 141, "latin1", Measure("latin1", 141, 2)),
        ("x" * 269, "latin1", Measure("latin1", 269, 3)),
        ("é" * 161, "gsm7", Measure("gsm7", 161, 2)),
        ("", "ucs2", Measure("ucs2", 0, 1)),
    ],
)
def test_verdicts(text: str, requested: str, expected: Measure | NotEncodable) -> None:
    assert measure(text, requested) == expected


def test_an_unknown_word_is_a_bug() -> None:
    with pytest.raises(ValueError, match="gsm8"):
        measure("a", "gsm8")


def test_escape_pairs_shorten_parts_and_the_count_knows() -> None:
    # Each 153rd septet would be an escape: every part but the last is one shorter.
    text = ("x" * 152 + "€") + ("y" * 150 + "€") + "z" * 10
    measured = measure(text)
    cut = split(text, "gsm7", 7)
    assert isinstance(measured, Measure)
    assert measured.segments == len(cut.parts) == 3
    assert [len(part) for part in cut.parts] == [6 + 152, 6 + 152, 6 + 12]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Grüße @ $_", Segments("latin1", ("Grüße @ $_".encode("latin-1"),), udh=False)),
        ("5 €", Segments("ucs2", ("5 €".encode("utf-16-be"),), udh=False)),
        ("Δ", Segments("ucs2", ("Δ".encode("utf-16-be"),), udh=False)),
    ],
)
def test_a_carrier_whose_default_is_latin1(text: str, expected: Segments) -> None:
    assert split(text, "gsm7", 0, alphabet="latin1") == expected


def test_latin1_capacities() -> None:
    assert split("x" * 140, "gsm7", 0, alphabet="latin1").udh is False
    assert [len(p) for p in split("x" * 268, "gsm7", 0, alphabet="latin1").parts] == [140, 140]
    assert [len(p) for p in split("x" * 269, "gsm7", 0, alphabet="latin1").parts] == [140, 140, 7]
    assert data_coding_of("latin1") == 3


def test_ucs2_stays_ucs2_there() -> None:
    assert split("abc", "ucs2", 0, alphabet="latin1").encoding == "ucs2"


def test_the_reference_is_cut_to_its_width() -> None:
    assert split("x" * 161, "gsm7", 0x12345).parts[0][:6] == bytes.fromhex("050003450201")
    assert split("x" * 161, "gsm7", 0x12345, wide=True).parts[1][:7] == bytes.fromhex("06080423450202")


def test_join() -> None:
    assert join([(2, b"b"), (1, b"a"), (2, b"b")], 2) == b"ab"
    assert join([(2, b"b")], 2) is None
    assert join([], 1) is None
