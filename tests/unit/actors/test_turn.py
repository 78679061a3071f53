"""What a turn makes of a plan: offers, reasons, and messages without hope."""

import pytest

from actors.exposition import Totals
from actors.metrics import Metrics, snapshot
from actors.pool import Pending
from actors.turn import Turn
from router.brain.port import Choice, Plan, Want
from router.ids import make_id
from router.journal.port import Claimed
from router.model import MessageClass, State
from router.record import EventKind, unpack_events

OTP = MessageClass.OTP


def pending(attempts=0, *, tried=(), doubtful=False):
    claimed = Claimed(make_id(1_000, 3, bytes(10)), attempts, State.QUEUED, b"", b"")
    return Pending(claimed, OTP, Want("23410", "GB", "447700900123", OTP, 2, tried), 0.0, doubtful)


def taken(*pairs, rows=({"a": 1}, {"b": 2})):
    turn = Turn(b"decision", 5_000)
    turn.rows.append({"of": "another class"})
    items, choices = zip(*pairs, strict=True)
    left = turn.take(OTP, items, Plan(choices, rows))
    return turn, left


def test_an_offer_says_where_its_reason_stands_and_what_is_to_be_learned():
    turn, (kept, resting) = taken(
        (pending(), Choice("acme", 1, explored=False)),
        (pending(2), Choice("globex", 0, explored=True, why="suspect")),
    )
    assert (kept, resting) == ([], [])
    (_, first), (_, second) = turn.offers["acme"][0], turn.offers["globex"][0]
    assert unpack_events(first.event) == [[5_000, EventKind.ASSIGNED, "acme", 1, b"decision", 2, False]]
    assert unpack_events(second.event) == [[5_000, EventKind.ASSIGNED, "globex", 3, b"decision", 1, "suspect"]]
    assert turn.spent == {"acme": 2, "globex": 2}


@pytest.mark.parametrize(
    ("item", "state"),
    [
        (pending(), State.REJECTED),
        (pending(1, tried=("acme",)), State.FAILED),
        (pending(1, tried=("acme",), doubtful=True), State.UNCONFIRMED),
    ],
)
def test_who_has_no_hope_is_told_why(item, state):
    turn, (kept, _) = taken((item, Choice("", 1, explored=False, hopeless=True)))
    assert (kept, turn.offers) == ([], {})
    finish = turn.hopeless[0].finish
    unrouted, final = unpack_events(finish.event)
    assert unrouted == [5_000, EventKind.UNROUTED, "", item.claimed.attempts + 1, b"decision", 2]
    assert (finish.state, final[:3]) == (state, [5_000, EventKind.FINAL, int(state)])


def test_who_waits_is_kept_apart_by_whether_it_is_a_choice():
    room, rest = pending(), pending()
    _, (kept, resting) = taken(
        (room, Choice("", 0, explored=False)),
        (rest, Choice("", 0, explored=False, resting=True)),
    )
    assert (kept, resting) == ([room], [rest])


def test_what_is_counted():
    turn, _ = taken(
        (pending(), Choice("acme", 0, explored=False)),
        (pending(doubtful=True), Choice("acme", 0, explored=True, why="draw")),
        (pending(), Choice("", 0, explored=False)),
    )
    metrics = Metrics("dispatcher")
    turn.count(metrics)
    totals = Totals()
    totals.take({"dispatcher": snapshot(metrics)})
    assert totals.value("trunkline_planned", "otp") == 2
    assert totals.value("trunkline_explored", "acme", "otp", "draw") == 1
    assert totals.value("trunkline_possible_duplicates", "acme", "otp") == 1
