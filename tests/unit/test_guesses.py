"""Guessing passwords costs more and more time, and nobody else's."""

import pytest

from router.guesses import FORGET_S, FREE_FAILURES, LONGEST_WAIT_S, Guesses


def guess(guesses: Guesses, times: int, now_s: float = 0.0, address: str = "10.0.0.1", system_id: str = "acme") -> None:
    for _ in range(times):
        guesses.failed(address, system_id, now_s)


def test_some_failures_are_free_and_the_next_costs_a_second():
    guesses = Guesses()
    guess(guesses, FREE_FAILURES)
    assert guesses.wait_s("10.0.0.1", "acme", 0) == 0
    guess(guesses, 1)
    assert guesses.wait_s("10.0.0.1", "acme", 0) == 1
    assert guesses.wait_s("10.0.0.1", "acme", 0.75) == 0.25
    assert guesses.wait_s("10.0.0.1", "acme", 1) == 0


def test_the_wait_doubles_up_to_a_quarter_of_an_hour():
    guesses = Guesses()
    waits = []
    guess(guesses, FREE_FAILURES)
    for _ in range(12):
        guess(guesses, 1)
        waits.append(guesses.wait_s("10.0.0.1", "acme", 0))
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, LONGEST_WAIT_S, LONGEST_WAIT_S]
    guess(guesses, 2_000)
    assert guesses.wait_s("10.0.0.1", "acme", 0) == LONGEST_WAIT_S


def test_an_address_that_guesses_at_many_ids_waits_for_all_of_them_and_no_other_address_does():
    guesses = Guesses()
    for n in range(FREE_FAILURES + 1):
        guess(guesses, 1, system_id=f"id{n}")
    assert guesses.wait_s("10.0.0.1", "new", 0) == 1
    assert guesses.wait_s("10.0.0.2", "id0", 0) == 0


def test_a_success_forgets_its_pair_and_does_not_wait_for_its_neighbours():
    guesses = Guesses()
    guess(guesses, FREE_FAILURES)
    guesses.succeeded("10.0.0.1", "acme")
    guess(guesses, 50, system_id="other")
    assert guesses.wait_s("10.0.0.1", "other", 0) == guesses.wait_s("10.0.0.1", "third", 0) == LONGEST_WAIT_S
    assert guesses.wait_s("10.0.0.1", "acme", 0) == 0
    guess(guesses, FREE_FAILURES + 1)
    assert guesses.wait_s("10.0.0.1", "acme", 0) == 1


def test_a_success_at_one_account_does_not_buy_guesses_at_others():
    guesses = Guesses()
    for n in range(10):
        guess(guesses, 1, system_id=f"id{n}")
        guesses.succeeded("10.0.0.1", "mine")
    assert guesses.wait_s("10.0.0.1", "id99", 0) > 0


def test_old_failures_are_forgotten():
    guesses = Guesses()
    guess(guesses, FREE_FAILURES + 1, now_s=0)
    guess(guesses, 1, now_s=1 + FORGET_S)
    assert guesses.wait_s("10.0.0.1", "acme", 1 + FORGET_S) == 0


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("10.0.0.1", "10.0.0.2", False),
        ("no address", "no address", True),
    ],
)
def test_a_network_of_64_bits_counts_as_one_address(one, other, same):
    guesses = Guesses()
    guess(guesses, FREE_FAILURES + 1, address=one)
    assert (guesses.wait_s(other, "acme", 0) > 0) is same


def test_what_is_remembered_is_bounded():
    guesses = Guesses(limit=100)
    for n in range(1_000):
        guesses.failed(f"10.0.{n // 250}.{n % 250}", f"id{n}", 0)
        guesses.succeeded(f"10.1.{n // 250}.{n % 250}", f"id{n}")
    assert len(guesses) == 200
