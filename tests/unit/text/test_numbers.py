import importlib.util
from pathlib import Path

import phonenumbers
import pytest

from router import calling_codes
from router.numbers import (
    InvalidNumber,
    InvalidSender,
    NetworkTable,
    Number,
    Sender,
    country_of,
    length_fault,
    lengths_of,
    parse_number,
    parse_sender,
)
from router.settings import Network
from router.terms import COUNTRY_DEPTH

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("text", "digits", "country"),
    [
        ("+4915112345678", "4915112345678", "DE"),
        ("4915112345678", "4915112345678", "DE"),
        ("004915112345678", "4915112345678", "DE"),
        ("+49 (0)151-123.456.78", "4915112345678", "DE"),
        ("+49\u00a0151\u202f12345678", "4915112345678", "DE"),
        ("(49) 151 – 12345678", "4915112345678", "DE"),
        ("+12125550100", "12125550100", "US"),
        ("+14165550100", "14165550100", "CA"),
        ("+18765550100", "18765550100", "JM"),
        ("+17875550100", "17875550100", "PR"),
        ("+18005550100", "18005550100", ""),  # toll-free: of no territory
        ("+79161234567", "79161234567", "RU"),
        ("+77011234567", "77011234567", "KZ"),
        ("+447700900123", "447700900123", "GB"),
        ("+447797123456", "447797123456", "JE"),
        ("+447781123456", "447781123456", "GG"),
        ("+447624123456", "447624123456", "IM"),
        ("+262639123456", "262639123456", "YT"),
        ("+262692123456", "262692123456", "RE"),
        ("+59995181234", "59995181234", "CW"),
        ("+88213123456", "88213123456", ""),
        ("+50051234", "50051234", "FK"),  # eight digits, the shortest there are
        ("+881612345678901", "881612345678901", ""),
    ],
)
def test_numbers(text: str, digits: str, country: str) -> None:
    assert parse_number(text) == Number(digits, country)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "empty"),
        ("+", "empty"),
        ("( )", "empty"),
        ("+49151", "at least 8"),
        ("+4915112345678901", "at most 15"),
        ("015112345678", "country code"),  # a national number has no country
        ("+0049151123456", "country code"),
        ("+999123456789", "country code"),
        ("+210123456789", "country code"),
        ("++4915112345678", "digits only"),
        ("49151x2345678", "digits only"),
        ("٤٩١٥١١٢٣٤٥٦٧٨", "digits only"),
        ("+49²5112345678", "digits only"),
        ("+49151/12345678\x00", "digits only"),
    ],
)
def test_not_numbers(text: str, word: str) -> None:
    match parse_number(text):
        case InvalidNumber(reason):
            assert word in reason
            assert "5112" not in reason  # reasons are shown and logged: no digits of the number in them
        case Number():
            pytest.fail("taken for a number")


def test_the_data_is_whole() -> None:
    entries = [entry.split(":") for entry in calling_codes.ASSIGNED.split()]
    codes = [code for code, _, _ in entries]
    assert len(set(codes)) == len(codes)
    # No code begins another: that is what makes E.164 readable.
    assert not [(a, b) for a in codes for b in codes if a != b and b.startswith(a)]
    prefixes = [entry.split(":")[0] for entry in calling_codes.SHARED.split()]
    assert all(any(prefix.startswith(code) for code in codes) for prefix in prefixes)
    assert max(map(len, prefixes)) <= COUNTRY_DEPTH
    areas = [area for places in calling_codes.NANP.values() for area in places.split()]
    assert len(set(areas)) == len(areas)
    assert all(len(area) == 3 and area[0] in "23456789" and area[1] != "9" for area in areas)


def test_the_data_is_what_the_package_of_numbering_plans_says() -> None:
    spec = importlib.util.spec_from_file_location("numbering", ROOT / ".ci" / "numbering.py")
    assert spec is not None
    assert spec.loader is not None
    numbering = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(numbering)
    assert Path(calling_codes.__file__).read_text("utf-8") == numbering.module(), "run .ci/numbering.py"


@pytest.mark.parametrize("region", sorted(phonenumbers.SUPPORTED_REGIONS))
def test_a_number_of_each_country_is_known_as_its_own(region: str) -> None:
    for kind in (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE):
        number = phonenumbers.example_number_for_type(region, kind)
        if number is not None:
            digits = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)[1:]
            # Seven digits do not tell the two islands from Guadeloupe, whose carriers serve them.
            known = {"BL": "GP", "MF": "GP"}.get(region, phonenumbers.region_code_for_number(number))
            assert country_of(digits) == known
            assert length_fault(digits, lengths_of(digits)) == ""


@pytest.mark.parametrize(
    ("digits", "sentence"),
    [
        ("4915112345678", ""),
        ("447700900123", ""),
        ("4477009001234", "has 9, 11 or 12 digits, the code included, and not 13."),
        ("351912345", "has 12 digits, the code included, and not 9."),
        ("4612", "has 8, 9, 10, 11, 12 or 14 digits"),
        ("3314711222345", "has 11 digits"),
        ("359123", "has 9, 10, 11, 12 or 15 digits"),
        ("4312", "has 6 to 15 digits"),
    ],
)
def test_lengths(digits: str, sentence: str) -> None:
    fault = length_fault(digits, lengths_of(digits))
    assert sentence in fault
    assert bool(fault) == bool(sentence)


def test_country_of_short_digits() -> None:
    assert country_of("") is None
    assert country_of("1") is None
    assert country_of("491") == "DE"
    assert country_of("447") == "GB"


def _table(*rows: tuple[str, str]) -> NetworkTable:
    return NetworkTable([Network(prefix=prefix, mcc_mnc=network) for prefix, network in rows])


def test_the_longest_prefix_wins() -> None:
    table = _table(("49151", "26201"), ("4915123", "26202"), ("4", "99999"), ("447797", "23455"))
    assert table.lookup("4915112345678") == ("DE", "26201")
    assert table.lookup("4915123456789") == ("DE", "26202")
    assert table.lookup("4916012345678") == ("DE", "99999")
    assert table.lookup("447797123456") == ("JE", "23455")
    assert table.lookup("33612345678") == ("FR", "FR")
    assert table.lookup("18005550100") == ("", "")


def test_a_short_prefix_counts_among_longer_ones_too() -> None:
    table = _table(("1", "31000"), ("1212", "31001"))
    assert table.lookup("12125550100") == ("US", "31001")
    assert table.lookup("12135550100") == ("US", "31000")


def test_an_empty_table_knows_countries() -> None:
    assert _table().lookup("4915112345678") == ("DE", "DE")
    assert _table().lookup("999") == ("", "")


@pytest.mark.parametrize(
    ("text", "sender"),
    [
        ("+4915112345678", Sender("international", "4915112345678")),
        ("004915112345678", Sender("international", "4915112345678")),
        ("491511234", Sender("international", "491511234")),
        ("123", Sender("short_code", "123")),
        ("12345678", Sender("short_code", "12345678")),
        ("123-456", Sender("short_code", "123456")),
        ("ACME", Sender("alphanumeric", "ACME")),
        (" Acme Shop ", Sender("alphanumeric", "Acme Shop")),
        ("Müller & Co", Sender("alphanumeric", "Müller & Co")),
        ("4U", Sender("alphanumeric", "4U")),
    ],
)
def test_senders(text: str, sender: Sender) -> None:
    assert parse_sender(text) == sender
    assert parse_sender(sender.text) == sender


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "12",
        "+12345",
        "+12345678",
        "999123456789",
        "TwelveLetter",
        "[Acme Corp]",
        "Żabka",
        "ΔACME",
        "€uro",
        "A\nB",
        "A`B",
        "!!!",
        "1234567890123456",
    ],
)
def test_not_senders(text: str) -> None:
    assert isinstance(parse_sender(text), InvalidSender)
