"""Following a message while the API comes and goes."""

import json

import pytest

from actors.cli import watch
from actors.cli.api_client import ApiError

ID = "01K8ZQ4R3V7J9M2T5X8B1C4D6F"
LINES = [{"at": "2026-01-15T09:30:00.000Z", "kind": kind} for kind in ("accepted", "assigned", "submitted", "final")]
AWAY = ApiError("away", passing=True)


class Script:
    """An API that answers by a list: (status, number of events), or an error."""

    def __init__(self, *answers):
        self.answers = list(answers)

    def get(self, path, *, expect):
        answer = self.answers[0]
        if isinstance(answer, ApiError):
            self.answers.pop(0)
            raise answer
        status, events = answer
        if path.endswith("/events"):
            self.answers.pop(0)
            return {"data": LINES[:events]}
        return {"id": ID, "status": status, "cost": {"amount": "0", "currency": "EUR"}}


@pytest.fixture
def follow(monkeypatch, capsys):
    """Follow without waiting: the kinds printed, and the status at the end."""
    clock = [0.0]
    pauses = []

    def sleep(pause_s):
        pauses.append(pause_s)
        clock[0] += pause_s

    monkeypatch.setattr(watch.time, "sleep", sleep)
    monkeypatch.setattr(watch.time, "monotonic", lambda: clock[0])

    def run(*answers, **options):
        status = watch.follow(Script(*answers), ID, json=True, **options)
        return [json.loads(line)["kind"] for line in capsys.readouterr().out.splitlines()], status

    run.pauses = pauses
    return run


def test_each_event_is_told_once(follow):
    told, status = follow(("queued", 1), ("sending", 2), ("sending", 2), ("sent", 3), ("delivered", 4))
    assert (told, status) == (["accepted", "assigned", "submitted", "final"], "delivered")


def test_an_api_that_is_away_for_a_moment_is_waited_for(follow):
    told, status = follow(("queued", 2), AWAY, AWAY, ("delivered", 4))
    assert (told, status) == (["accepted", "assigned", "submitted", "final"], "delivered")


def test_an_api_that_stays_away_is_not(follow):
    with pytest.raises(ApiError, match="away"):
        follow(("queued", 1), *[AWAY] * 100)
    assert watch.PATIENCE_S <= sum(follow.pauses) <= watch.PATIENCE_S + 3


def test_what_was_never_seen_is_not_waited_for(follow):
    with pytest.raises(ApiError):
        follow(AWAY, ("delivered", 4))


def test_an_answer_that_will_stay_the_same_ends_it(follow):
    with pytest.raises(ApiError, match="gone"):
        follow(("sent", 3), ApiError("gone", status=404))


def test_questions_grow_rarer_while_nothing_happens_and_frequent_when_something_does(follow):
    follow(*[("queued", 1)] * 20, ("sending", 2), ("delivered", 4))
    assert follow.pauses[0] == watch.LOOK_MIN_S
    assert follow.pauses[-2] == watch.LOOK_MAX_S
    assert follow.pauses[-1] == watch.LOOK_MIN_S
