"""Tables of prefixes as files."""

import pytest

from router.config import ConfigError, load_settings
from router.config_store import dump_settings, load_settings_bytes, redact
from router.network_file import FAULTS_LIMIT, read_networks
from router.numbers import NetworkTable

GOOD = "\ufeffPrefix;MCC-MNC;Name\n# Britain\n\n447700;23410;O2\n+447701;234-10\n 447800 ; 23415 ; Vodafone; the big one\n447700;23410\n"


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_a_table_is_kept_by_network(mark):
    found = read_networks(GOOD.replace(";", mark), "n.csv")
    assert found.faults == ()
    assert found.prefixes == {"23410": ("447700", "447701"), "23415": ("447800",)}


def test_quoted_fields_are_read_without_their_marks():
    assert read_networks('"447700","23410","A, B"\n', "n.csv").prefixes == {"23410": ("447700",)}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("447700", "n.csv, line 1: has one field; expected prefix,mcc_mnc"),
        ("prefix,net\n0447700,23410", "n.csv, line 2: the prefix must be 1 to 15 digits that do not begin with 0, not '0447700'"),
        ("447700,23410\nprefix,net", "n.csv, line 2: the prefix must be 1 to 15 digits that do not begin with 0, not 'prefix'"),
        ("447700,O2", "n.csv, line 1: the network must be the 5 or 6 digits of a country code and a network code, not 'O2'"),
        (
            "447700,13410",
            "n.csv, line 1: the network must be the 5 or 6 digits of a country code and a network code, not '13410'",
        ),
        ("447700,23410\n\n447700,23415", "n.csv, line 3: the prefix 447700 belongs to 23410 since line 1"),
    ],
)
def test_a_fault_names_file_and_line(text, fault):
    assert read_networks(text, "n.csv").faults == (fault,)


def test_a_wrong_file_is_not_told_line_by_line():
    assert len(read_networks("1\n" * 1_000, "n.csv").faults) == FAULTS_LIMIT + 1


def load(text, files):
    def read(name):
        if name not in files:
            raise FileNotFoundError(2, "No such file or directory", name)
        return files[name]

    return load_settings(text, source="t.toml", environ={}, exists=lambda _: True, read=read)


TOML = 'networks_file = "n.csv"\n[[networks]]\nprefix = "447700"\nmcc_mnc = "23430"\n[prefixes]\n"23410" = ["447702"]\n'


def test_the_file_becomes_part_of_the_settings_and_what_they_name_goes_before_it():
    settings = load(TOML, {"n.csv": GOOD})
    assert settings.prefixes["23410"] == ("447702", "447700", "447701")
    again = load_settings_bytes(dump_settings(settings))
    assert again == settings
    table = NetworkTable.compile(again)
    found = [table.lookup(f"{head}900123")[1] for head in ("447700", "447701", "447702", "447800", "447900")]
    assert found == ["23430", "23410", "23410", "23415", "GB"]
    assert redact(settings)["prefixes"] == {}, "thousands of rows are not for showing"


def test_a_table_of_thousands_is_small_in_the_journal():
    rows = "".join(f"4915{number:05d},2620{number % 3 + 1}\n" for number in range(10_000))
    assert len(dump_settings(load('networks_file = "n.csv"', {"n.csv": rows}))) < 110_000


@pytest.mark.parametrize(
    ("text", "files", "sentence"),
    [
        (TOML, {}, "t.toml: networks_file cannot be read: 'n.csv': No such file or directory"),
        (TOML, {"n.csv": "x,y\n4,z\n"}, "n.csv, line 2: the network must be the 5 or 6 digits of a country code and a network code, not 'z'"),
        ('[prefixes]\n"2341" = ["44"]', {}, "t.toml, line 2: prefixes.2341 must be the 5 or 6 digits of a country code and a network code"),
        ('[prefixes]\n"23410" = ["044"]', {}, "t.toml, line 2: prefixes.23410[0] must be 1 to 15 digits that do not begin with 0, not '044'"),
        (
            '[portability]\nurl = "https://x.example/"',
            {},
            "t.toml, line 2: portability.url must have {number} where the number belongs",
        ),
        ('[portability]\nurl = "x.example/{number}"', {}, "t.toml, line 2: portability.url must begin with https:// or http://"),
        ('[portability]\ncountries = ["UK"]', {}, "t.toml, line 2: portability.countries[0] must be a country of ISO 3166: did you mean 'GB'?"),
        (
            '[portability.headers]\nkey = "env:KEY"',
            {},
            "t.toml, line 2: portability.headers.key needs the environment variable 'KEY', which is not set",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_told(text, files, sentence):
    with pytest.raises(ConfigError) as caught:
        load(text, files)
    assert caught.value.problems == (sentence,)
