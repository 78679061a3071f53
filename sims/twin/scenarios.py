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


def _fault(what: What, value: float = 1.0, begin: float = FAULT_FROM, end: float = FAULT_TO) -> Change:
    return Change(begin, end, what, value)


def _day() -> tuple[Change, ...]:
    """A day in the time of a run, in 40 steps: demand between 0.4 and 1.6 of the mean, latency of everybody up to +60 % at the peak."""
    steps = 40
    phases = [0.5 - 0.5 * math.cos(2.0 * math.pi * (step + 0.5) / steps) for step in range(steps)]
    return tuple(
        change
        for step, phase in enumerate(phases)
        for change in (
            Change(step / steps, (step + 1) / steps, "demand", 0.4 + 1.2 * phase, "all"),
            Change(step / steps, (step + 1) / steps, "latency", 1.0 + 0.6 * phase**2, "all"),
        )
    )


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
    Scenario("diurnal", "a day's rise and fall of demand and latency", _day(), reference=False),
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
