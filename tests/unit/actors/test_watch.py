"""Who is stuck, and who is only being started anew."""

from actors.watch import PULSE_S, SILENT_S, START_GRACE_S, Watch

LOOK_S = 2.0


def told(pid):
    return {"pid": pid, "incarnation": f"boot:{pid}:1"}


def watched(*dead):
    """A watch that has just seen the actor as process 7. ``dead``: processes that have ended."""
    watch = Watch(lambda incarnation: int(incarnation.split(":")[1]) in dead)
    watch.started("front", 0.0)
    watch.runs(10.0)
    assert not watch.answered("front", told(7), 10.0)
    return watch


def rounds(watch, since_s, until_s, late_s=0.0):
    """Looks every two seconds without an answer; when it was found stuck first, None: never. Every pulse is late by ``late_s``."""
    now_s = look_s = since_s
    while now_s <= until_s:
        watch.runs(now_s)
        if now_s >= look_s:
            look_s = now_s + LOOK_S
            if watch.stuck("front", now_s) is not None:
                return now_s
        now_s += PULSE_S + late_s
    return None


def test_a_living_process_that_does_not_answer_is_stuck():
    found_s = rounds(watched(), 10.0, 100.0)
    assert found_s is not None
    assert SILENT_S < found_s - 10.0 <= SILENT_S + LOOK_S


def test_a_dead_process_is_being_started_and_has_the_time_of_a_start():
    found_s = rounds(watched(7), 10.0, 200.0)
    assert found_s is not None
    assert START_GRACE_S < found_s - 10.0 <= START_GRACE_S + LOOK_S


def test_a_start_that_takes_its_time_is_left_alone():
    watch = watched(7)
    assert rounds(watch, 10.0, 50.0) is None
    assert watch.answered("front", told(8), 50.0)
    assert not watch.answered("front", told(8), 50.5)
    # The new process is judged like any other.
    found_s = rounds(watch, 50.5, 100.0)
    assert found_s is not None
    assert found_s - 50.5 <= SILENT_S + LOOK_S


def test_who_was_not_awake_blames_nobody_for_the_silence():
    watch = watched()
    watch.runs(10.0 + 30.0)  # stopped and continued
    assert watch.stuck("front", 40.0) is None
    found_s = rounds(watch, 40.0, 100.0)
    assert found_s is not None
    assert SILENT_S < found_s - 10.0 - 30.0 + PULSE_S <= SILENT_S + LOOK_S


def test_who_is_always_late_waits_longer_by_as_much():
    """Never away for long, and starved all the same: each pulse comes three times as late as it should."""
    found_s = rounds(watched(), 10.0, 100.0, late_s=2 * PULSE_S)
    assert found_s is not None
    assert 3 * SILENT_S < found_s - 10.0 <= 3 * SILENT_S + 2 * LOOK_S


def test_a_late_watcher_gives_a_start_its_time_too():
    found_s = rounds(watched(7), 10.0, 400.0, late_s=PULSE_S)
    assert found_s is not None
    assert 2 * START_GRACE_S < found_s - 10.0 <= 2 * START_GRACE_S + 2 * LOOK_S


def test_telling_more_often_than_needed_changes_nothing():
    watch = watched()
    for tenth in range(100, 251):
        watch.runs(tenth / 10)
    assert watch.stuck("front", 25.0) is None
    assert watch.stuck("front", 25.1) is not None


def test_an_actor_that_never_answered_has_the_time_of_a_start():
    watch = Watch(lambda _: False)
    watch.started("front", 0.0)
    found_s = rounds(watch, 2.0, 200.0)
    assert found_s is not None
    assert START_GRACE_S < found_s <= START_GRACE_S + 2.0


def test_after_an_end_was_put_to_it_it_has_time_again():
    watch = watched()
    first_s = rounds(watch, 10.0, 100.0)
    assert first_s is not None
    second_s = rounds(watch, first_s + PULSE_S, 200.0)
    assert second_s is not None
    assert second_s - first_s > SILENT_S
