import pytest

from router.model import MessageClass
from router.routes import Deck
from router.settings import CarrierProfile, Price, Settings


def carrier(name, *prices, **more):
    listed = tuple(Price(to=to, micros=micros) for to, micros in prices)
    return CarrierProfile(name=name, addresses=("h:1",), system_id="x", prices=listed, **more)


def compiled(*carriers):
    return Deck.compile(Settings(carriers=carriers))


@pytest.mark.parametrize(
    ("number", "network", "country", "micros"),
    [
        ("447700900123", "23410", "GB", 1),
        ("447700900123", "23415", "GB", 2),
        ("447100900123", "23415", "GB", 3),
        ("449900900123", "GB", "GB", 4),
        ("4915100000000", "26201", "DE", 5),
    ],
)
def test_network_beats_longest_prefix_beats_country_beats_star(number, network, country, micros):
    deck = compiled(carrier("a", ("*", 5), ("GB", 4), ("447", 3), ("4477", 2), ("net:23410", 1)))
    assert deck.quote("a", number, network, country, 1) == micros


def test_the_price_is_for_all_segments():
    assert compiled(carrier("a", ("*", 7))).quote("a", "44", "GB", "GB", 3) == 21


def test_a_destination_missing_from_a_price_list_is_not_covered_and_no_list_at_all_is_free():
    deck = compiled(carrier("listed", ("DE", 5)), carrier("free"))
    assert deck.quote("listed", "447700900123", "23410", "GB", 1) is None
    assert deck.quote("free", "447700900123", "23410", "GB", 1) == 0


def test_cover_is_needed_besides_a_price():
    deck = compiled(carrier("a", ("*", 5), covers=("DE", "net:23410", "4477")))
    assert deck.quote("a", "4915100000000", "26201", "DE", 1) == 5
    assert deck.quote("a", "441", "23410", "GB", 1) == 5
    assert deck.quote("a", "447700900123", "23415", "GB", 1) == 5
    assert deck.quote("a", "447100900123", "23415", "GB", 1) is None


def test_disabled_and_unknown_carriers_have_no_quote():
    deck = compiled(carrier("off", ("*", 5), enabled=False))
    assert deck.quote("off", "44", "GB", "GB", 1) is None
    assert deck.quote("nobody", "44", "GB", "GB", 1) is None


def test_carriers_for_lists_the_cheapest_first_and_minds_the_class():
    deck = compiled(carrier("dear", ("*", 9)), carrier("cheap", ("*", 1)), carrier("bulk", ("*", 0), classes=("marketing",)))
    assert deck.carriers_for("44", "GB", "GB", MessageClass.OTP) == ("cheap", "dear")
    assert deck.carriers_for("44", "GB", "GB", MessageClass.MARKETING) == ("bulk", "cheap", "dear")


def test_numbers_with_the_same_longest_prefix_share_a_row():
    deck = compiled(carrier("a", ("44", 1)), carrier("b", ("4477", 2)))
    assert deck.prefix("447700900123") == deck.prefix("447799999999") == "4477"
    assert deck.prefix("441") == "44"
    assert deck.prefix("1") == ""
    assert deck.prices("23410", "GB", "4477") is deck.prices("23410", "GB", "4477")


def test_an_empty_deck_covers_nothing():
    assert compiled().carriers_for("44", "GB", "GB", MessageClass.OTP) == ()
