"""Other prices: tables and settings, and what they mean for the cases of a log."""

import pytest

from sims.whatif.decks import prefixed, prices_of, read_deck, speeds_of, table
from sims.whatif.files import FileFault
from sims.whatif.log import NOT_OFFERED

DECK = "carrier,to,micros\nalpha,net:23410,9000\nalpha,*,31000\nbeta,GB,20000\ngamma,FR,10\n"


def test_the_exact_network_wins_then_the_country_then_any(read, make, tmp_path):
    log = read([make.one(number, segments=2) for number in range(4)])
    found = prices_of(log, table(DECK, tmp_path / "deck.csv"))
    by_network = {case.network: row.tolist() for case, row in zip(log.cases, found, strict=True)}
    assert by_network == {"23410": [18_000, 40_000, NOT_OFFERED], "23415": [62_000, 40_000, NOT_OFFERED]}


def test_columns_may_stand_in_any_order_beside_others(tmp_path):
    (only,) = table("\n\nto, note ,carrier,micros\n".strip() + "\n*,cheap,alpha,5\n\n", tmp_path / "deck.csv")
    assert (only.name, [(price.to, price.micros) for price in only.prices]) == ("alpha", [("*", 5)])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("carrier,to\n", "has no column 'micros'"),
        ("carrier,to,micros\n", "has no prices"),
        ("carrier,to,micros\nalpha,*,0.02\n", "row 1, column micros: expected a whole number of millionths, not '0.02'"),
        ("carrier,to,micros\nalpha,*,1\nalpha,Britain,2\n", "row 2, column to: "),
        ("carrier,to,micros\n,*,1\n", "row 1, column carrier: this is empty"),
        ("carrier,to,micros\nalpha,*\n", "row 1: 2 fields"),
        ("carrier,to,micros\nalpha,*,99999999999999\n", "row 1, column micros: "),
    ],
)
def test_a_fault_names_row_and_column(tmp_path, text, sentence):
    with pytest.raises(FileFault) as caught:
        table(text, tmp_path / "deck.csv")
    assert sentence in str(caught.value)


SETTINGS = """
[[carriers]]
name = "alpha"
addresses = ["a.test:1"]
system_id = "x"
speed_mps = 7
classes = ["otp"]
prices = [{ to = "GB", micros = 5 }]

[[carriers]]
name = "beta"
addresses = ["a.test:1"]
system_id = "x"
enabled = false
prices = [{ to = "44", micros = 5 }]
"""


def test_settings_are_decks_with_classes_and_speeds(read, make, tmp_path):
    path = tmp_path / "new.toml"
    path.write_text(SETTINGS)
    deck, log = read_deck(path), read([make.one(number) for number in range(3)])
    by_class = {case.klass.word: row.tolist() for case, row in zip(log.cases, prices_of(log, deck), strict=True)}
    assert by_class == {"otp": [5, -1, -1], "transactional": [-1, -1, -1], "marketing": [-1, -1, -1]}
    assert speeds_of(log, deck).tolist() == [7, 100, 100]
    assert prefixed(deck, log.carriers) == ("beta",)


def test_files_that_cannot_be_read_are_told(tmp_path):
    with pytest.raises(FileFault, match="cannot be read"):
        read_deck(tmp_path / "none.csv")
    (tmp_path / "bad.toml").write_text("carriers = 5")
    with pytest.raises(FileFault, match=r"bad\.toml"):
        read_deck(tmp_path / "bad.toml")
