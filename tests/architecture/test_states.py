"""The table of transitions: every state can be reached, and every message can come to an end."""

import pytest

from router.model import BEGINNINGS, STATUS_OF, TRANSITIONS, State, Status


def reached(start):
    """The states that can follow, ``start`` included."""
    seen, edge = set(start), set(start)
    while edge:
        edge = {after for before, after in TRANSITIONS if before in edge} - seen
        seen |= edge
    return seen


def test_every_state_is_reached_from_a_beginning():
    assert reached(BEGINNINGS) == set(State)


@pytest.mark.parametrize("state", State)
def test_a_final_state_is_the_end_and_every_other_leads_to_one(state):
    following = {after for before, after in TRANSITIONS if before is state}
    if state.final:
        assert following == set()
    else:
        assert any(later.final for later in reached({state}))
        assert state not in following


def test_only_what_has_not_left_can_be_taken_back():
    assert {before for before, after in TRANSITIONS if after is State.CANCELED} == {State.SCHEDULED, State.QUEUED}


def test_every_edge_says_when_it_happens():
    assert [edge for edge, reason in TRANSITIONS.items() if len(reason.split()) < 3] == []


def test_every_state_has_a_word_for_users():
    assert set(STATUS_OF) == set(State)
    assert set(Status) - set(STATUS_OF.values()) == {Status.ACCEPTED}  # told before there is a record
