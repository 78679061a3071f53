"""What happens in each scenario: tables of changes of the world over time. Nothing here is code that runs during a simulation.

Times are shares of the run, so that a short run has the same story. The fault of the reference scenarios lasts from 40 % to 80 %.
Who is hit is said by role, because it differs from seed to seed:

    best       the carrier that perfect knowledge sends most messages to while nothing is wrong
    runner_up  the one that perfect knowledge would send most to if the best were gone
    main       the network to which the best carries most
"""

import math
from dataclasses import dataclass
from typing import Final, Literal

FAULT_FROM: Final = 0.4
FAULT_TO: Final = 0.8
DAYS: Final = 5
EVENING_FROM: Final = 0.7  # of the day
EVENING_TO: Final = 0.9

What = Literal["p", "latency", "price", "speed", "demand", "receipts", "claims", "refuses", "unbound"]


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is different between two times.

    ``what`` p, latency, price, speed, demand and receipts are multiplied by ``value``; claims: that share of all messages gets a positive
    receipt, whatever became of it; refuses: every submit is answered with an error; unbound: no session is up.
    """

    begin: float
    end: float
    what: What
    value: float = 1.0
    carrier: Literal["best", "runner_up", "all"] = "best"
    network: Literal["*", "main"] = "*"
    klass: Literal["*", "otp", "transactional", "marketing"] = "*"


@dataclass(frozen=True, slots=True)
class Scenario:
    """A story. ``sheds``: whether the best carrier ought to be left while the fault lasts, so that leaving and coming back can be timed."""

    name: str
    says: str
    changes: tuple[Change, ...] = ()
    sheds: bool = False
    reference: bool = True  # one of the nine that the targets are stated for
    days: int = 0  # so many are in the run, each like the others; 0: the run is a part of one


def _fault(what: What, value: float = 1.0, begin: float = FAULT_FROM, end: float = FAULT_TO) -> Change:
    return Change(begin, end, what, value)


def _bump(share: float, begin: float, end: float) -> float:
    """0 outside, 1 in the middle, smooth."""
    return math.sin(math.pi * (share - begin) / (end - begin)) ** 2 if begin < share < end else 0.0


def _days() -> tuple[Change, ...]:
    """Five days alike, each in forty steps.

    Demand goes from 0.5 to 1.5 of the mean and back. In the evening, a fifth of the day, the best carrier is up to six times as slow;
    the runner-up up to three times, and loses up to two fifths of what it delivers.
    """
    steps = DAYS * 40
    found = []
    for step in range(steps):
        share = (step + 0.5) / 40 % 1.0
        evening = _bump(share, EVENING_FROM, EVENING_TO)
        begin, end = step / steps, (step + 1) / steps
        found.append(Change(begin, end, "demand", 1.0 - 0.5 * math.cos(2.0 * math.pi * share), "all"))
        if evening:
            found.append(Change(begin, end, "latency", 1.0 + 5.0 * evening))
            found.append(Change(begin, end, "latency", 1.0 + 2.0 * evening, "runner_up"))
            found.append(Change(begin, end, "p", 1.0 - 0.4 * evening, "runner_up"))
    return tuple(found)


def _fade() -> tuple[Change, ...]:
    """Delivery falls by a tenth of itself at each of eight steps, to 0.43 of what it was: never enough at once to look like a fault."""
    width = (FAULT_TO - FAULT_FROM) / 8
    return tuple(Change(FAULT_FROM + step * width, FAULT_TO, "p", 0.9) for step in range(8))


def _flapping() -> tuple[Change, ...]:
    """Eight black holes of a twentieth of the fault's time, each followed by as long a time of health."""
    width = (FAULT_TO - FAULT_FROM) / 16
    return tuple(
        change
        for turn in range(8)
        for change in (
            _fault("p", 0.0, FAULT_FROM + 2 * turn * width, FAULT_FROM + (2 * turn + 1) * width),
            _fault("receipts", 0.0, FAULT_FROM + 2 * turn * width, FAULT_FROM + (2 * turn + 1) * width),
        )
    )


_ALL: Final = (
    Scenario("stationary", "nothing happens"),
    Scenario("brownout", "the best carrier's latency is ten times as long", (_fault("latency", 10.0),), sheds=True),
    Scenario(
        "blackhole",
        "the best carrier accepts, delivers nothing and sends no receipts",
        (_fault("p", 0.0), _fault("receipts", 0.0)),
        sheds=True,
    ),
    Scenario(
        "outage",
        "the best carrier refuses every submit, and for the last quarter its sessions are down",
        (_fault("refuses"), _fault("unbound", begin=0.7)),
        sheds=True,
    ),
    Scenario(
        "price",
        "the best carrier becomes 80 % dearer, another one 40 % cheaper",
        (_fault("price", 1.8), Change(FAULT_FROM, FAULT_TO, "price", 0.6, "runner_up")),
    ),
    Scenario(
        "network", "to one network the best carrier delivers a fifth", (Change(FAULT_FROM, FAULT_TO, "p", 0.2, network="main"),)
    ),
    Scenario(
        "fake_receipts",
        "the best carrier delivers a quarter and claims 99 %",
        (_fault("p", 0.25), _fault("claims", 0.99)),
        sheds=True,
    ),
    Scenario(
        "capacity",
        "twice the messages, and the best carrier takes half as many",
        (Change(FAULT_FROM, FAULT_TO, "demand", 2.0, "all"), _fault("speed", 0.5)),
    ),
    Scenario("receipts_lost", "the best carrier delivers as ever and sends no receipts", (_fault("receipts", 0.0),)),
    Scenario(
        "diurnal", "two carriers are slow every evening, one of them loses messages, too", _days(), reference=False, days=DAYS
    ),
    Scenario("fade", "the best carrier delivers a tenth less every twentieth of the run", _fade(), reference=False),
    Scenario("flapping", "the best carrier is a black hole every other minute", _flapping(), reference=False),
    Scenario(
        "filter",
        "the best carrier filters nine tenths of marketing, and only that",
        (Change(FAULT_FROM, FAULT_TO, "p", 0.1, klass="marketing"),),
        reference=False,
    ),
)

SCENARIOS: Final = {scenario.name: scenario for scenario in _ALL}
REFERENCE: Final = tuple(scenario.name for scenario in _ALL if scenario.reference)
