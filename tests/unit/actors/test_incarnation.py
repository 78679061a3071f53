"""Telling a dead process from a living one."""

import os

from actors.incarnation import incarnation, incarnation_of, surely_dead


def test_this_process_lives():
    assert not surely_dead(incarnation())
    assert incarnation_of(os.getpid()) == incarnation()


def test_another_process_with_the_same_number_is_another_one():
    boot, pid, ticks = incarnation().split(":")
    assert surely_dead(f"{boot}:{pid}:{int(ticks) + 1}")


def test_what_cannot_be_seen_from_here_is_not_surely_dead():
    _, pid, ticks = incarnation().split(":")
    assert not surely_dead(f"another-boot:{pid}:{ticks}")
    assert not surely_dead("")


def test_a_number_that_nobody_has_is_dead():
    boot, _, ticks = incarnation().split(":")
    assert surely_dead(f"{boot}:4194305:{ticks}")  # above the kernel's largest process number
    assert incarnation_of(4_194_305) == ""
