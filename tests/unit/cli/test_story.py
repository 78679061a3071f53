import msgspec
import pytest

from actors.cli import story
from actors.cli.board import board_view, cell_table, standing_table
from actors.cli.carriers import carrier_table
from actors.cli.check import place_table, state_table, totals
from actors.cli.terminal import clean, money
from router.api.examples import ANSWERS
from router.brain import explore

START = "2026-01-15T09:30:00.000Z"


def example(name):
    return msgspec.to_builtins(ANSWERS[name])


@pytest.fixture
def assigned():
    return next(line for line in example("EventPage")["data"] if line["kind"] == "assigned")


def row(text, name):
    return next(line.split() for line in text.splitlines() if line.split()[:1] == [name])


def test_every_kind_of_event_can_be_told(printed):
    for line in example("EventPage")["data"]:
        text = printed(story.event(line, START, "EUR"))
        assert line.get("status", line["kind"]) in text
        assert line.get("carrier", "") in text


def test_an_assignment_tells_each_carriers_score_and_who_was_left_out(printed, assigned):
    text = printed(story.event(assigned, START, "EUR"))
    assert "+0.012 s  assigned      acme · attempt 1" in text
    assert " ".join(row(text, "acme")) == "acme 0.03200 98.1% ± 1.2% 3.2 s 0.00000 0.05050 chosen"
    assert " ".join(row(text, "globex")) == "globex 0.02100 90.2% ± 3.1% 6.8 s 0.00000 0.07760 costs 0.02710 more"
    assert "breaker open: 41 of the last 50 submits were refused" in text
    assert row(text, "initech")[1:6] == ["-"] * 5
    assert "network 23410, class otp, rule direct-only, board 1842, EUR" in text
    assert "rule direct-only" in " ".join(row(text, "umbrella"))


def test_a_carrier_tried_for_its_own_sake_is_said_to_be(printed, assigned):
    assigned |= {"carrier": "globex", "explored": True}
    text = printed(story.event(assigned, START, "EUR"))
    assert row(text, "globex")[-3:] == ["chosen", "to", "learn"]
    assert "passed over to learn" in text
    assert text.splitlines()[0].endswith("attempt 1 · chosen to learn")
    assigned["explored_why"] = "suspect"
    told = printed(story.event(assigned, START, "EUR")).splitlines()[0]
    assert told.endswith("chosen to learn: whether its receipts have come back")
    assigned["explored_why"] = "later"
    assert "chosen to learn: later" in printed(story.event(assigned, START, "EUR"))
    told = assigned["explanation"]
    told["considered"].append(told["considered"][0] | {"carrier": "initech"})
    half_open = printed(story.event(assigned | {"carrier": "initech", "explored_why": "half_open"}, START, "EUR"))
    assert row(half_open, "initech")[-3:] == ["chosen", "to", "learn"]
    assert "breaker open" not in half_open
    told["considered"].pop()
    del assigned["explored_why"]
    assigned["explored"] = False
    assert "its room went to others" in printed(story.event(assigned, START, "EUR"))


def test_what_was_amiss_is_told(printed, assigned):
    assigned["explanation"] |= {"board": 0, "note": "there was no scoreboard"}
    assigned["explanation"]["considered"][0]["spread"] = None
    text = printed(story.event(assigned, START, "EUR"))
    assert "no board, EUR" in text
    assert text.rstrip().endswith("there was no scoreboard")
    assert row(text, "acme")[2:4] == ["98.1%", "3.2"]


def test_a_second_copy_is_told_with_its_sums(printed, assigned):
    rescue = {"carrier": "initech", "age_s": 8.24, "success": 0.061}
    told = assigned | {"copy": True, "explanation": assigned["explanation"] | {"rescue": rescue}}
    text = printed(story.event(told, START, "EUR"))
    assert text.splitlines()[0].endswith("acme · attempt 1 · second copy")
    assert "initech has had it for 8.2 s and delivers it in time with 6.1%" in text
    assert "second copy" not in printed(story.event(assigned | {"copy": False}, START, "EUR"))


def test_who_finds_no_carrier_is_told_why(printed, assigned):
    line = {"kind": "unrouted", "at": START, "attempt": 1, "explanation": assigned["explanation"] | {"considered": []}}
    text = printed(story.event(line, START, "EUR"))
    assert "breaker open: 41 of the last 50 submits were refused" in text
    assert "rule direct-only" in " ".join(row(text, "umbrella"))


def test_every_reason_to_learn_has_a_sentence():
    words = {value for name, value in vars(explore).items() if name in {"DRAW", "HALF_OPEN", "SUSPECT", "DOUBT", "NEW", "UNUSED"}}
    assert words == set(story.LEARNED)


def test_an_explanation_that_is_not_kept_leaves_one_line(printed, assigned):
    assigned["explanation"] = None
    assert len(printed(story.event(assigned, START, "EUR")).splitlines()) == 1


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            {"kind": "refused", "carrier": "a", "carrier_status": 69, "error": "x", "again": "other"},
            "0x00000045 · x · again: other",
        ),
        ({"kind": "unknown", "carrier": "a", "reason": "the link was cut"}, "a · the link was cut"),
        ({"kind": "queued", "reason": "hold over"}, "hold over"),
        ({"kind": "submitted", "carrier": "a", "carrier_ids": ["1", "2"], "latency_us": 1500}, "ids 1, 2 · answered in 1.5 ms"),
        ({"kind": "final", "status": "canceled", "error": None}, "canceled"),
        (
            {"kind": "final", "status": "failed", "error": {"code": 301, "name": "n", "permanent": True, "carrier_code": "11"}},
            "n (permanent) · carrier's code 11",
        ),
        ({"kind": "other"}, "other"),
        ({"kind": "unrouted", "attempt": 2, "explanation": None}, "unrouted      attempt 2"),
    ],
)
def test_what_an_event_tells(printed, line, told):
    assert told in printed(story.event({"at": START} | line, START, "EUR"))


def test_a_time_that_is_none_is_shown_as_it_is(printed):
    assert "then" in printed(story.event({"at": "then", "kind": "queued"}, START, "EUR"))


def test_the_headline_tells_everything_but_the_text(printed):
    message = example("MessageView")
    text = printed(story.headline(message))
    assert message["id"] in text
    assert "otp" in text
    assert "1 segment of gsm7" in text
    assert message["text"] not in text


def test_what_others_wrote_cannot_command_the_terminal(printed):
    hostile = "\x1b]0;owned\x07\x1b[31m[bold]x[/bold]\n"
    assert "\x1b" not in clean(hostile)
    shown = example("CarrierList")["data"]
    shown[0]["reason"] = hostile
    text = printed(carrier_table(shown))
    assert "\x1b" not in text
    assert "[bold]x[/bold]" in text
    line = {"at": START, "kind": "unknown", "carrier": "a", "reason": hostile}
    assert "\x1b" not in printed(story.event(line, START, "EUR"))


def test_carriers_show_how_they_are(printed):
    shown = example("CarrierList")["data"]
    shown.append(shown[0] | {"name": "dead", "bound": 0, "speed_mps": 0.0, "contracted_mps": 0, "reason": "bind refused"})
    text = printed(carrier_table(shown))
    assert row(text, "acme")[:6] == ["acme", "2/2", "180", "/", "250", "37/50"]
    assert row(text, "dead")[1] == "0/2"
    assert "no limit / no limit" in text
    assert "bind refused" in text


def test_the_board_shows_carriers_and_cells(printed):
    board = example("BoardView")
    board["carriers"].append(board["carriers"][0] | {"carrier": "globex", "breaker": "half_open", "suspect": True})
    board["carriers"][1] |= {"suspect_in": ["23410", "234"], "unheard": "234", "trust": 0.31, "shadow_micros_per_s": 0}
    text = printed(board_view(board))
    assert text.splitlines()[0] == "board 1842, 0.4 s old"
    assert row(text, "acme")[:4] == ["acme", "closed", "97%", "0.00120"]
    assert row(text, "globex")[:7] == ["globex", "half-open", "23410,", "234", "31%", "234", "0.00000"]
    assert "shadow: EUR a second that one more segment a second would have saved of late" in text
    board["carriers"][1]["suspect_in"] = ["*"]
    assert "everywhere" in printed(standing_table(board["carriers"]))
    board["carriers"] = board["carriers"][1:]
    assert "would have saved" not in printed(board_view(board))
    assert "not published" in printed(board_view({"version": 0}))
    board["cells"].append(board["cells"][0] | {"carrier": "nowhere", "price_micros": None})
    cells = printed(cell_table(board["cells"]))
    assert row(cells, "acme")[-1] == "0.03200"
    assert row(cells, "nowhere")[-1] == "-"


def test_counts_and_their_sum(printed):
    counts = {"queue": 3, "wait": 2, "QUEUED": 3, "SENT": 2, "unreadable": 1, "accepted": 9, "live": 5, "finished": 4}
    assert row(printed(place_table(counts)), "queue")[1] == "3"
    assert row(printed(place_table(counts)), "claimed")[1] == "0"
    assert row(printed(state_table(counts)), "unreadable")[1] == "1"
    assert totals(counts) == "accepted 9 = live 5 + finished 4"
    assert "≠" in totals(counts | {"live": 6})
    assert "none" in printed(state_table({}))


@pytest.mark.parametrize(("micros", "told"), [(0, "0.00000"), (28_000, "0.02800"), (1_234_567.0, "1.23457"), (-70, "-0.00007")])
def test_money(micros, told):
    assert money(micros) == told
