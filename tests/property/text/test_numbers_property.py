from hypothesis import given
from hypothesis import strategies as st

from router.numbers import (
    InvalidNumber,
    InvalidSender,
    NetworkTable,
    Number,
    Sender,
    country_of,
    parse_number,
    parse_sender,
)
from router.settings import Network

digits = st.text("0123456789", max_size=17)
prefixes = st.text("0123456789", max_size=9).flatmap(lambda tail: st.sampled_from("123456789").map(lambda head: head + tail))
networks = st.lists(prefixes, max_size=30, unique=True)


@given(st.text() | digits | digits.map("+".__add__) | st.text("+0123456789 -.()", max_size=24))
def test_any_text_is_a_number_or_a_reason(text: str) -> None:
    match parse_number(text):
        case Number(found, country):
            assert 8 <= len(found) <= 15
            assert found.isascii()
            assert found.isdigit()
            assert country == country_of(found)
            assert parse_number(found) == parse_number("+" + found) == parse_number("00" + found) == Number(found, country)
        case InvalidNumber(reason):
            assert reason


@given(st.text(max_size=20) | digits | st.text("ABc€[é +0123", max_size=14))
def test_reading_a_sender_again_gives_the_same(text: str) -> None:
    match parse_sender(text):
        case Sender() as sender:
            assert parse_sender(sender.text) == sender
            sender.text.encode("latin-1")
        case InvalidSender(reason):
            assert reason


@given(networks, st.lists(digits, max_size=20), st.data())
def test_lookup_is_the_longest_prefix(rows: list[str], numbers: list[str], data: st.DataObject) -> None:
    table = NetworkTable([Network(prefix=prefix, mcc_mnc=f"{n:05d}") for n, prefix in enumerate(rows)])
    if rows:
        numbers = [*numbers, data.draw(st.sampled_from(rows)) + "12345"]
    for number in numbers:
        country = country_of(number) or ""
        longest = max((prefix for prefix in rows if number.startswith(prefix)), key=len, default=None)
        assert table.lookup(number) == (country, country if longest is None else f"{rows.index(longest):05d}")
