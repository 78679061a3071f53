import pytest

from carriers.customers.message_ids import id_text, read_id
from carriers.customers.times import absolute, is_time, moment_ms
from router.ids import make_id

NOW_MS = 1_795_344_357_000  # 2026-11-22T10:45:57Z
ID = make_id(NOW_MS, 17, b"0123456789")


@pytest.mark.parametrize("part", [0, 1, 2, 9, 10, 255])
def test_an_id_is_read_back_in_capitals_or_not(part):
    text = id_text(ID, part)
    assert read_id(text) == read_id(text.lower()) == (ID, part)


def test_its_form_survives_what_clients_do_to_ids():
    text = id_text(ID, 255)
    assert len(text) <= 32  # some keep no more
    assert text == text.upper().lstrip("0")  # Jasmin makes them so
    assert set(text) <= set("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-")


@pytest.mark.parametrize(
    "text",
    ["", "M", id_text(ID)[1:], id_text(ID) + "-", id_text(ID) + "-0", id_text(ID) + "-01", id_text(ID) + "-256", "X" + id_text(ID)[1:],
     "M8" + id_text(ID)[2:], "M" + "U" * 26, id_text(ID) + "\n", id_text(ID) + "-²"],
)  # fmt: skip
def test_what_is_no_id_of_ours(text):
    assert read_id(text) is None


@pytest.mark.parametrize(
    ("text", "expected_ms"),
    [
        ("261122104557000+", NOW_MS),  # as kannel writes them
        ("261122124557008+", NOW_MS),
        ("261122081557010-", NOW_MS),
        ("261122104557900+", NOW_MS + 900),
        ("000000010000000R", NOW_MS + 3_600_000),
        ("000001000000000R", NOW_MS + 86_400_000),
        ("010203040506000R", NOW_MS + ((365 + 60 + 3) * 86_400 + 4 * 3_600 + 5 * 60 + 6) * 1_000),
        ("000000000000000R", NOW_MS),
        ("", None),
        ("2611221045570", None),
        ("261322104557000+", None),
        ("260230104557000+", None),
        ("261122104557049+", None),
        ("261122104557000*", None),
        ("26112210455700 +", None),
        ("²61122104557000+", None),
    ],
)
def test_times(text, expected_ms):
    assert moment_ms(text, NOW_MS) == expected_ms
    assert is_time(text) == (expected_ms is not None or not text)


def test_an_absolute_time_is_read_back():
    assert absolute(NOW_MS + 300) == "261122104557300+"
    assert moment_ms(absolute(NOW_MS + 300), 0) == NOW_MS + 300
