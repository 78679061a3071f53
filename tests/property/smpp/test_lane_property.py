"""No pattern of writes, complaints and pauses brings a lane above its contract in any sliding second."""

from bisect import bisect_left

from hypothesis import given, settings
from hypothesis import strategies as st

from carriers.lane import Lane

steps = st.lists(
    st.tuples(
        st.sampled_from(("take", "take", "take", "one", "throttled", "queue_full", "speed", "ask")),
        st.one_of(st.just(0.0), st.floats(0, 0.004), st.floats(0, 0.2), st.floats(0, 3)),
    ),
    max_size=300,
)


@settings(max_examples=150, deadline=None)
@given(contracted=st.integers(1, 500), steps=steps, start_s=st.floats(0, 1e6))
def test_no_sliding_second_holds_more_than_the_contract(contracted, steps, start_s):
    lane = Lane(contracted, start_s)
    now_s = start_s
    written = [start_s] * contracted  # the forerunner has just used all of it
    for action, wait_s in steps:
        now_s += wait_s
        room = lane.room(now_s)
        assert 0 <= room <= contracted
        match action:
            case "take" if room:
                lane.take(room, now_s)
                written += [now_s] * room
            case "one" if room:
                lane.take(1, now_s)
                written.append(now_s)
            case "throttled":
                lane.throttled(now_s)
            case "queue_full":
                lane.queue_full(now_s, now_s)
            case "speed":
                assert 0 < lane.speed(now_s) <= contracted
            case "ask":
                assert lane.next_room_s(now_s) >= 0
    for first, at_s in enumerate(written):
        assert bisect_left(written, at_s + 1.0) - first <= contracted


@settings(max_examples=50, deadline=None)
@given(contracted=st.integers(1, 2_000), pauses=st.lists(st.floats(0, 0.3), max_size=40))
def test_asking_again_when_told_always_gets_somewhere(contracted, pauses):
    lane = Lane(contracted, 0.0)
    now_s = 0.0
    sent = 0
    for pause_s in [*pauses, *[0.0] * 200]:
        now_s += pause_s
        wait_s = lane.next_room_s(now_s)
        if wait_s:
            now_s += wait_s + 1e-6
        room = lane.room(now_s)
        lane.take(room, now_s)
        sent += room
    assert sent >= min(contracted, 200) // 2
