"""Whoever shows wrong keys is told to wait; whoever shows a right one never is."""

import pytest

from router.guesses import FREE_BY_NAME, FREE_FAILURES, LONGEST_WAIT_S, Guesses
from router.keys import make_key

WRONG = make_key(b"\x07" * 38, "acme")[0]


@pytest.fixture
def client(client):
    made = type(client)()  # who guesses is remembered: a front of its own for each test
    made.now_s = 0.0
    made.front.monotonic_s = lambda: made.now_s
    return made


async def show(client, key, address="10.0.0.1", **more):
    client.keys["shown"] = key
    return await client("GET", "/v1/messages", tenant="shown", address=address, **more)


async def test_wrong_keys_cost_more_and_more_time(client):
    for _ in range(FREE_FAILURES + 1):
        assert (await show(client, WRONG))[0] == 401
    waits = []
    for _ in range(12):
        status, shown, head = await show(client, WRONG)
        assert (status, shown["code"]) == (429, "too_many_wrong_keys")
        waits.append(int(head["retry-after"]))
        client.now_s += waits[-1]
        assert (await show(client, WRONG))[0] == 401
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, LONGEST_WAIT_S, LONGEST_WAIT_S]


async def test_it_is_the_address_that_waits_whatever_it_shows(client):
    for place in range(FREE_FAILURES + 1):
        assert (await show(client, make_key(bytes([40 + place]) * 38, "acme")[0]))[0] == 401
    assert (await show(client, make_key(b"\x60" * 38, "acme")[0]))[0] == 429
    assert (await show(client, "no key at all"))[0] == 429
    assert (await show(client, WRONG, "10.0.0.2"))[0] == 401


async def test_addresses_of_one_customer_are_one(client):
    for place in range(FREE_FAILURES + 1):
        assert (await show(client, make_key(bytes([40 + place]) * 38, "acme")[0], f"2001:db8:1:1::{place}"))[0] == 401
    assert (await show(client, WRONG, "2001:db8:1:1:ffff::1"))[0] == 429


async def test_many_addresses_that_guess_at_one_key_wait_as_one(client):
    for place in range(FREE_BY_NAME + 1):
        assert (await show(client, WRONG, f"10.1.0.{place}"))[0] == 401
    assert (await show(client, WRONG, "10.2.0.1"))[0] == 429
    assert (await show(client, make_key(b"\x61" * 38, "acme")[0], "10.2.0.1"))[0] == 401


async def test_a_right_key_never_waits(client):
    right = client.keys["acme"]
    for place in range(FREE_BY_NAME + 1):
        await show(client, WRONG)
        await show(client, right[:-7] + ("0" if right[-7] != "0" else "1") + right[-6:], f"10.3.0.{place}")
    assert (await show(client, WRONG))[0] == 429
    assert (await show(client, right))[0] == 200


async def test_no_key_at_all_is_no_guess(client):
    for _ in range(3 * FREE_FAILURES):
        assert (await client("GET", "/v1/messages", tenant="", address="10.0.0.9"))[0] == 401


def test_what_is_remembered_is_bounded():
    guesses = Guesses(limit=100, by_name=True)
    for place in range(10_000):
        guesses.failed(f"10.{place >> 8}.0.{place & 255}", f"{place:08}", float(place))
    assert len(guesses) <= 100
    assert guesses.wait_s("10.39.0.15", "00009999", 9_999.0) == 0
