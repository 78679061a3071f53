"""Whose a message from a handset is."""

import pytest

from router.inbound import Address, InboundRules, keyword_of, read_address
from router.settings import InboundRule, Settings


@pytest.mark.parametrize(
    ("written", "ton", "text", "international"),
    [
        ("447700900123", 1, "447700900123", True),
        ("447700900123", 0, "447700900123", True),
        ("+447700900123", 1, "447700900123", True),
        ("+447700900123", 2, "447700900123", True),
        ("00447700900123", 0, "447700900123", True),
        ("07700900123", 2, "07700900123", False),
        ("07700900123", 0, "07700900123", False),
        ("12345", 3, "12345", False),
        ("12345", 0, "12345", False),
        ("0012", 3, "0012", False),
        ("ACME", 5, "ACME", False),
        ("A Name", 1, "A Name", False),
        (" 447700900123 ", 1, "447700900123", True),
        ("1234567890123456", 1, "1234567890123456", False),
        ("", 0, "", False),
        ("+", 1, "+", False),
        ("00", 0, "", False),
        ("٤٤٧٧٠٠٩٠٠١٢٣", 1, "٤٤٧٧٠٠٩٠٠١٢٣", False),
    ],
)
def test_addresses(written, ton, text, international):
    assert read_address(written, ton) == Address(text, international)


@pytest.mark.parametrize(
    ("text", "keyword"),
    [
        ("STOP", "stop"),
        ("  stop please", "stop"),
        ("\ufeffStop.", "stop"),
        ("¡Sí! gracias", "sí"),
        ('"JOIN" now', "join"),
        ("ja\nnein", "ja"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("?", "?"),
        ("...", "..."),
        ("हिन्दी में", "हिन्दी"),
        ("", ""),
        (" \n", ""),
    ],
)
def test_keywords(text, keyword):
    assert keyword_of(text) == keyword


def rules(*described):
    made = []
    for number, words in enumerate(described):
        to, _, rest = words.partition(" ")
        keyword, _, carrier = rest.partition("@")
        made.append(InboundRule(to=to, keyword=keyword, carrier=carrier, tenant=f"t{number}"))
    return InboundRules.compile(Settings(inbound=tuple(made)))


@pytest.mark.parametrize(
    ("to", "text", "carrier", "tenant"),
    [
        ("12345", "hello", "acme", "t1"),  # the number alone
        ("12345", "Stop!", "acme", "t3"),  # a keyword of the number
        ("12345", "join us", "acme", "t2"),  # a keyword of everything goes before a number without one
        ("12345", "stop", "globex", "t4"),  # that carrier's own rule
        ("447700900123", "hello", "acme", "t6"),  # the longer prefix
        ("447711900123", "hello", "acme", "t5"),
        ("4477", "hello", "acme", "t5"),
        ("447", "hello", "acme", "t0"),
        ("ACME", "hello", "acme", "t0"),
        ("12345", "", "acme", "t1"),
    ],
)
def test_the_most_telling_rule_wins(to, text, carrier, tenant):
    table = rules("*", "12345", "* JOIN", "12345 STOP", "12345 STOP@globex", "4477*", "44770*")
    match = table.match(to, text, carrier)
    assert match is not None
    assert match.tenant == tenant


def test_an_exact_number_goes_before_a_prefix_of_the_same_length():
    table = rules("4477*", "4477", "4477 @acme")
    assert table.match("4477", "x", "acme").tenant == "t2"
    assert table.match("4477", "x", "other").tenant == "t1"
    assert table.match("44771", "x", "acme").tenant == "t0"


def test_nobody_gets_what_no_rule_names():
    table = rules("12345 STOP", "4477* @globex")
    assert table.match("12345", "hello", "acme") is None
    assert table.match("12345", "", "acme") is None
    assert table.match("999", "stop", "acme") is None
    assert table.reaches("12345", "acme")
    assert not table.reaches("999", "acme")
    assert table.reaches("447700900123", "globex")
    assert not table.reaches("447700900123", "acme")
    assert rules().match("12345", "x", "acme") is None


def test_names_are_compared_without_regard_to_capitals():
    assert rules("Acme").match("ACME", "x", "c").tenant == "t0"
