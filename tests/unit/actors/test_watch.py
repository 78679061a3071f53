"""Who is stuck, and who is only being started anew."""

from actors.watch import GAP_S, SILENT_S, START_GRACE_S, Watch


def told(pid):
    return {"pid": pid, "incarnation": f"boot:{pid}:1"}


def watched(*dead):
    """A watch that has just seen the actor as process 7. ``dead``: processes that have ended."""
    watch = Watch(lambda incarnation: int(incarnation.split(":")[1]) in dead)
    watch.started("front", 0.0)
    watch.looks(10.0)
    assert not watch.answered("front", told(7), 10.0)
    return watch


def rounds(watch, since_s, until_s):
    """Looks every two seconds without an answer; when it was found stuck first, None: never."""
    now_s = since_s
    while now_s <= until_s:
        watch.looks(now_s)
        if watch.stuck("front", now_s) is not None:
            return now_s
        now_s += 2.0
    return None


def test_a_living_process_that_does_not_answer_is_stuck():
    found_s = rounds(watched(), 12.0, 100.0)
    assert found_s is not None
    assert SILENT_S < found_s - 10.0 <= SILENT_S + 2.0


def test_a_dead_process_is_being_started_and_has_the_time_of_a_start():
    found_s = rounds(watched(7), 12.0, 200.0)
    assert found_s is not None
    assert START_GRACE_S < found_s - 12.0 <= START_GRACE_S + 2.0


def test_a_start_that_takes_its_time_is_left_alone():
    watch = watched(7)
    assert rounds(watch, 12.0, 50.0) is None
    assert watch.answered("front", told(8), 52.0)
    assert not watch.answered("front", told(8), 54.0)
    # The new process is judged like any other.
    found_s = rounds(watch, 56.0, 100.0)
    assert found_s is not None
    assert found_s - 54.0 <= SILENT_S + 2.0


def test_who_was_not_awake_blames_nobody_for_the_silence():
    watch = watched()
    watch.looks(12.0)
    watch.looks(12.0 + 30.0)  # stopped and continued
    assert watch.stuck("front", 45.0) is None
    found_s = rounds(watch, 44.0, 100.0)
    assert found_s is not None
    assert SILENT_S < found_s - 42.0 <= SILENT_S + 2.0


def test_an_actor_that_never_answered_has_the_time_of_a_start():
    watch = Watch(lambda _: False)
    watch.started("front", 0.0)
    found_s = rounds(watch, 2.0, 200.0)
    assert found_s is not None
    assert START_GRACE_S < found_s <= START_GRACE_S + 2.0


def test_after_an_end_was_put_to_it_it_has_time_again():
    watch = watched()
    first_s = rounds(watch, 12.0, 100.0)
    assert first_s is not None
    second_s = rounds(watch, first_s + 2.0, 200.0)
    assert second_s is not None
    assert second_s - first_s > SILENT_S


def test_rounds_are_no_pause():
    assert GAP_S > 2.0 + 3.0  # the supervisor's pause between looks, and a ping without an answer
