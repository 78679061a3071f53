import numpy as np
import pytest

from sims.twin.policy import Brief, Event, Item, Room, Seen


@pytest.fixture
def brief():
    """Three carriers, two networks of one country and one of another; alpha is best, beta cheapest, gamma reaches only the first country."""
    price = np.array([[20_000.0] * 3, [10_000.0] * 3, [30_000.0] * 3])
    usual = np.zeros((3, 3, 3))
    usual[0], usual[1], usual[2] = 30_000.0, 60_000.0, 40_000.0
    usual[2, 2] = np.inf
    return Brief(
        carriers=("alpha", "beta", "gamma"),
        networks=("23401", "23402", "26201"),
        countries=("GB", "GB", "DE"),
        country=np.array([0, 0, 1]),
        covers=np.array([[True] * 3, [True] * 3, [True, True, False]]),
        price=price,
        speed_mps=np.array([50.0, 50.0, 50.0]),
        usual=usual,
        share=np.array([0.5, 0.25, 0.25]),
        day_s=86_400.0,
    )


@pytest.fixture
def room():
    return Room([10_000.0] * 3)


@pytest.fixture
def choose(room):
    """The places that a policy chooses for messages (network, class), each in a batch of its own."""

    def chosen(policy, *messages, now=0.0, tried=()):
        found = []
        for network, klass in messages:
            item = Item(0, now, network, klass, False)
            item.tried = tried
            found += [pick.place for pick in policy.choose([item], room, now)]
        return found

    return chosen


@pytest.fixture
def tell():
    """Tell a policy of attempts: (place, network, class, what was seen or None for silence, seconds)."""
    number = iter(range(10_000_000))

    def told(policy, attempts, at_s=0.0, until_s=None):
        for place, network, klass, seen, age_s in attempts:
            item = next(number)
            policy.observe([Event(at_s, Seen.SUBMITTED, place, item, network, klass)], at_s)
            if seen is not None:
                policy.observe([Event(at_s + age_s, seen, place, item, network, klass, age_s)], at_s + age_s)
        if until_s is not None:
            policy.observe([], until_s)

    return told
