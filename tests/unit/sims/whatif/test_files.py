"""Files of records: what is written is read again, and what cannot be read is named."""

import csv
import sys

import pytest

from sims.whatif.files import NAMES, FileFault, read, writer
from sims.whatif.log import read_log


def values(records, make):
    return [[row[name] for name in NAMES] for row in make.flat(records)]


@pytest.mark.parametrize("name", ["records.csv", "records.parquet"])
def test_what_is_written_is_read_again(kept, make, name):
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    records = [*make.many(50), make.one(51, outcome="pending", seconds=None), make.one(52, country="", rule='a, "b"')]
    found = list(read(kept(records, name)))
    assert [number for number, _ in found] == list(range(1, 53))
    assert [row for _, row in found] == values(records, make)


def test_csv_and_parquet_make_the_same_log(kept, make):
    pytest.importorskip("pyarrow")
    records = make.many(200)
    one, other = (read_log([kept(records, name)], make.rules) for name in ("a.csv", "a.parquet"))
    assert one.cases == other.cases
    assert (one.chosen == other.chosen).all()
    assert (one.waited_s == other.waited_s).all()


def test_parquet_without_pyarrow_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(FileFault, match=r"pip install 'trunkline\[parquet\]'"):
        writer(tmp_path / "a.parquet")
    with pytest.raises(FileFault, match="CSV needs nothing"):
        list(read(tmp_path / "a.parquet"))


def test_a_file_of_another_kind_is_refused(tmp_path):
    with pytest.raises(FileFault, match=r"ends in \.csv or \.parquet"):
        writer(tmp_path / "records.json")
    with pytest.raises(FileFault, match=r"ends in \.csv or \.parquet"):
        list(read(tmp_path / "records"))
    with pytest.raises(FileFault, match="cannot be read"):
        list(read(tmp_path / "none.csv"))


def spoiled(path, column, text):
    """The file with the second row's value in a column replaced."""
    lines = path.read_text("utf-8").splitlines()
    fields = next(iter(csv.reader([lines[2]])))
    fields[NAMES.index(column)] = text
    lines[2] = ",".join('"' + field.replace('"', '""') + '"' for field in fields)
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


@pytest.mark.parametrize(
    ("column", "text", "sentence"),
    [
        ("at_ms", "soon", "expected a whole number, not 'soon'"),
        ("seconds", "quick", "expected a number, not 'quick'"),
        ("seconds", "-1", "less than 0"),
        ("explored", "maybe", "expected true or false, not 'maybe'"),
        ("class", "vip", "'vip' is not one of otp, transactional, marketing"),
        ("version", "9", "9 is not 1"),
        ("segments", "0", "less than 1"),
        ("outcome", "lost", "'lost' is none that there is"),
        ("considered", "[[1]]", "Expected"),
        ("considered", "{", ""),
    ],
)
def test_a_fault_names_row_and_column(kept, make, column, text, sentence):
    path = spoiled(kept([make.one(number) for number in range(3)]), column, text)
    with pytest.raises(FileFault) as caught:
        read_log([path], make.rules)
    assert str(caught.value).startswith(f"{path}, row 2, column {column}: ")
    assert sentence in str(caught.value)


def test_a_file_that_was_not_exported_is_told_by_its_columns(tmp_path):
    path = tmp_path / "other.csv"
    path.write_text("id,carrier\n1,acme\n")
    with pytest.raises(FileFault, match="has no column 'version'"):
        list(read(path))
    path.write_text(",".join(NAMES) + "\n1,2\n")
    with pytest.raises(FileFault, match="row 1: 2 fields"):
        list(read(path))
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(FileFault, match="no CSV of UTF-8"):
        list(read(path))


def test_amounts_of_two_currencies_are_not_added_up(read, make):
    with pytest.raises(FileFault, match="EUR and USD"):
        read([make.one(1), make.one(2, currency="USD")])


def test_what_says_nothing_of_a_choice_is_left_out_and_counted(read, make):
    young = {"seen_ms": make.one(4).at_ms + 1_000}
    log = read(
        [
            make.one(0),
            make.one(1, at_ms=0, carrier="alpha"),
            make.one(2, considered=[]),
            make.one(3, outcome="refused", seconds=None),
            make.one(4, **young),
            make.one(5, considered=make.one(5).considered[1:]),
        ]
    )
    assert len(log) == 1
    assert sum(log.left_out.values()) == len(log.left_out) == 5


def test_in_time_is_by_the_deadline_and_others_waited_until_then(read, make):
    log = read(
        [
            make.one(0, klass="otp", seconds=15.0),
            make.one(1, klass="otp", seconds=15.1),
            make.one(2, klass="otp", outcome="unconfirmed", seconds=None),
        ]
    )
    assert log.in_time.tolist() == [True, False, False]
    assert log.waited_s.tolist() == [15.0, 15.0, 15.0]


def test_several_files_are_one_log_and_a_message_counts_once(kept, make):
    day, night = make.many(30), make.many(60)[20:]
    young = make.one(70, seen_ms=make.one(70).at_ms + 1_000, outcome="pending", seconds=None)
    paths = [kept([*day, young], "day.csv"), kept([*night, make.one(70)], "night.csv")]
    log = read_log(paths, make.rules)
    assert len(log) == 61
    assert log.left_out == {"told twice": 10}
    assert len(read_log(paths[::-1], make.rules)) == 61
    assert read_log(paths[:1], make.rules).left_out == {"younger than the deadline when the records were read": 1}


def test_attempts_that_were_overtaken_are_told(read, make):
    lost = {"outcome": "unconfirmed", "seconds": None}
    log = read([make.one(0, attempts=2, **lost), make.one(1, attempts=2), make.one(2, **lost)])
    assert log.overtaken == 1
    assert log.in_time.tolist() == [False, True, False]
