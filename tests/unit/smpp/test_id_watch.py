"""What is suggested when receipts do not find their answers."""

from random import Random

import pytest

from carriers.smpp.id_watch import ALBUM, LEAST, REST_S, WATCH_S, IdWatch
from sims.smsc.message_ids import write_id

NUMBERS = [1_000_000 + 7 * n for n in range(60)]


def watched(mode: str, answers: list[str], receipts: list[str]) -> IdWatch:
    watch = IdWatch(mode)
    for raw in answers:
        watch.submitted(raw)
    for at in range(0, len(receipts), 10):
        watch.received(receipts[at : at + 10], float(at))
    return watch


@pytest.mark.parametrize(
    ("answer", "receipt", "mode"),
    [
        ("decimal", "hex", "decimal_to_hex"),
        ("hex", "decimal", "hex_to_decimal"),
        ("padded", "decimal", "strip_zeros"),
        ("decimal", "padded", "strip_zeros"),
        ("decimal", "decimal", "exact"),
    ],
)
def test_the_reading_that_would_match_is_named(answer, receipt, mode):
    answers = [write_id(number, answer) for number in NUMBERS]
    receipts = [write_id(number, receipt) for number in NUMBERS]
    wrong = "case_insensitive" if mode == "strip_zeros" else "strip_zeros" if mode != "exact" else "decimal_to_hex"
    watch = watched(wrong, answers, receipts)
    if mode == "exact":  # read as hexadecimal numbers both sides would differ
        assert str(watch.suggestion) == "receipt ids would match as exact: 20 of 20"
    else:
        assert str(watch.suggestion) == f"receipt ids would match as {mode}: 20 of 20"
    assert watched(mode, answers, receipts).suggestion is None


def test_letters_of_another_case():
    answers = [f"AB{number:X}-Z" for number in NUMBERS]
    watch = watched("exact", answers, [raw.lower() for raw in answers])
    assert watch.suggestion is not None
    assert watch.suggestion.mode == "case_insensitive"


def test_receipts_of_older_messages_and_of_none_suggest_nothing():
    rng = Random(1)
    answers = [write_id(number, "uuid") for number in NUMBERS]
    receipts = [write_id(rng.randrange(10**9, 10**12), "uuid") for _ in range(2_000)]
    assert watched("exact", answers, receipts).suggestion is None


def test_older_receipts_that_come_first_do_not_spoil_the_figures():
    answers = [write_id(number, "hex") for number in NUMBERS]
    older = [write_id(number, "decimal") for number in range(500)]
    watch = watched("exact", answers, older + [write_id(number, "decimal") for number in NUMBERS])
    assert str(watch.suggestion) == "receipt ids would match as hex_to_decimal: 20 of 20"


def test_a_few_are_no_ground_for_a_suggestion():
    answers = [write_id(number, "hex") for number in NUMBERS]
    assert watched("exact", answers, [write_id(number, "decimal") for number in NUMBERS[: LEAST - 1]]).suggestion is None


def test_a_sample_is_bounded_and_rests_when_it_has_settled_something():
    watch = watched("exact", [str(n) for n in range(ALBUM * 2)], [str(n) for n in range(LEAST)])
    assert (watch.filling, watch.watching, watch._keys) == (False, False, {})
    watch.received(["x"], 10.0 + REST_S)
    assert (watch.filling, watch.watching) == (True, True)
    for n in range(60):
        watch.submitted(f"{n:x}")
    watch.received([str(n) for n in range(60)], 100.0)  # 0 to 9 match as they are: too many for a suggestion …
    watch.received([], 100.0 + REST_S + WATCH_S)
    assert watch.suggestion is None
    for n in range(100, 160):
        watch.submitted(f"{n:x}")
    watch.received([str(n) for n in range(100, 160)], 9_000.0)
    assert watch.suggestion is not None
    assert watch.suggestion.mode == "hex_to_decimal"
