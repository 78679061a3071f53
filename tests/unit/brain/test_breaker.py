from router.brain.breaker import CLOSED, HALF_OPEN, LINK_DOWN, NEVER_S, OPEN, PROBE_PATIENCE_S, Breaker


def refused(times, at_s=0.0):
    breaker = Breaker()
    for _ in range(times):
        breaker.fault(at_s, "refused")
    return breaker


def test_three_in_a_row_open_it():
    assert refused(2).state == CLOSED
    assert (refused(3).state, refused(3).until_s, refused(3).reason) == (OPEN, 1.0, "refused")


def test_an_answer_between_breaks_the_row():
    breaker = refused(2)
    breaker.taken(0.0)
    breaker.fault(0.0, "refused")
    assert breaker.state == CLOSED


def test_probes_follow_after_1_2_4_up_to_30_s():
    breaker, waits = refused(3), []
    now = 0.0
    for _ in range(7):
        waits.append(breaker.until_s - now)
        now = breaker.until_s
        breaker.tick(now)
        assert breaker.state == HALF_OPEN
        breaker.fault(now, "refused")
        assert breaker.state == OPEN
    assert waits == [1, 2, 4, 8, 16, 30, 30]


def test_a_probe_that_is_taken_closes_it_and_forgets_the_waits():
    breaker = refused(3)
    breaker.tick(1.0)
    breaker.taken(1.1)
    assert (breaker.state, breaker.reason, breaker.quiet) == (CLOSED, "", True)
    for _ in range(3):
        breaker.fault(5.0, "refused")
    assert breaker.until_s == 6.0


def test_answers_to_earlier_messages_leave_an_open_one_alone():
    breaker = refused(3)
    breaker.taken(0.5)
    breaker.fault(0.9, "refused")
    assert (breaker.state, breaker.until_s) == (OPEN, 1.0)


def test_a_link_that_falls_opens_at_once_and_one_that_rises_closes():
    breaker = Breaker()
    breaker.link_down(3.0)
    assert (breaker.state, breaker.until_s, breaker.reason) == (OPEN, NEVER_S, LINK_DOWN)
    breaker.tick(1e9)
    assert breaker.state == OPEN
    breaker.link_up(4.0)
    assert (breaker.state, breaker.quiet) == (CLOSED, True)


def test_a_link_that_rises_after_refusals_is_asked_first():
    breaker = refused(3)
    breaker.link_down(3.0)
    breaker.link_up(4.0)
    assert breaker.state == HALF_OPEN


def test_another_session_that_answers_shows_that_the_carrier_is_bound():
    breaker = Breaker()
    breaker.link_down(3.0)
    breaker.taken(2.9)
    assert breaker.state == OPEN
    breaker.taken(3.5)
    assert breaker.state == CLOSED


def test_a_probe_that_nobody_tells_the_end_of_is_followed_by_another():
    breaker = refused(3)
    breaker.tick(1.0)
    breaker.tick(1.0 + PROBE_PATIENCE_S)
    assert (breaker.state, breaker.until_s) == (HALF_OPEN, 1.0 + PROBE_PATIENCE_S)
