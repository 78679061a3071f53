"""Whose queue is full: one recipient's, or the account's."""

from math import inf

from carriers.smpp import full_queues
from carriers.smpp.full_queues import NEAR_S, SEVERAL, FullQueues


def test_one_recipient_is_held_and_nobody_else():
    full = FullQueues()
    assert full.complained("a", 10.0, 9.9) == 15.0
    assert full.opens_s("a") == 15.0
    assert full.opens_s("b") == -inf


def test_what_was_written_before_the_pause_says_nothing_new():
    full = FullQueues()
    full.complained("a", 10.0, 9.0)
    assert full.complained("a", 10.1, 9.5) == 15.0
    assert full.complained("a", 16.0, 9.9) == 15.0  # answered late


def test_the_pause_doubles_while_it_is_repeated_and_is_forgiven():
    full = FullQueues()
    now_s, pauses = 0.0, []
    for _ in range(7):
        opens_s = full.complained("a", now_s + 0.1, now_s)
        pauses.append(round(opens_s - now_s - 0.1))
        now_s = opens_s
    assert pauses == [5, 10, 20, 40, 80, 160, 180]
    assert round(full.complained("a", now_s + 400.0, now_s + 399.0) - now_s - 400.0) == 5


def test_a_recipient_that_is_served_again_is_forgotten():
    full = FullQueues()
    full.complained("a", 10.0, 9.0)
    full.taken("a")
    assert (full.held, full.opens_s("a")) == ({}, -inf)
    full.taken("b")


def test_several_recipients_at_nearly_the_same_time_are_the_account():
    full = FullQueues()
    told = [full.complained(f"n{n}", 10.0 + n, 9.0) for n in range(SEVERAL + 1)]
    assert told == [15.0, 16.0, None, None]
    calm = FullQueues()
    assert None not in [calm.complained(f"n{n}", 10.0 + n * (NEAR_S / 2 + 0.1), 9.0) for n in range(20)]


def test_many_complaints_about_one_recipient_are_not_the_account():
    full = FullQueues()
    assert None not in [full.complained("a", 10.0 + n / 10, 9.0) for n in range(50)]


def test_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(full_queues, "HELD_LIMIT", 2)
    full = FullQueues()
    assert full.complained("a", 0.0, -1.0) == 5.0
    assert full.complained("b", 10.0, 9.0) == 15.0
    assert full.complained("c", 16.0, 15.5) == 21.0  # the first one's time is over
    assert full.complained("d", 22.0, 21.5) is None
    assert len(full.held) == 2
