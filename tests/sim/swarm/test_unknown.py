"""What becomes of a submit whose answer is not known, by class and by how it came to that: the real actors, in virtual time."""

import logging
from itertools import pairwise
from random import Random
from typing import NamedTuple

import msgspec
import pytest

from actors.cli.troupe import Troupe
from router.keys import ENTROPY_OCTETS, make_key
from router.model import State
from router.settings import DEFAULT_CLASSES, Api, CarrierProfile, Price, Settings, Tenant, Workers
from sims.smsc.temperament import Temperament
from sims.swarm.director import Director
from sims.swarm.plan import PORT, Happening, Plan
from sims.swarm.stage import Stage
from sims.swarm.tenants import Order

SENT_AT_S, ANSWER_S, OVER_S = 2.0, 1.0, 40.0
HOLD_S = {"otp": 3.0, "transactional": 4.0, "marketing": 5.0}
WINDOW = 5  # of which all is in doubt
TAKES_ALL = Temperament(answer_median_s=0.3, receipt_median_s=0.2)
SILENT = Temperament(no_answer=1.0, black_hole=True)
WELL_AGAIN = Happening(SENT_AT_S + 2.5, "smsc", "alpha", lasts_s=OVER_S, temperament=TAKES_ALL)

DELIVERED, UNCONFIRMED = State.DELIVERED, State.UNCONFIRMED


class Path(NamedTuple):
    """A way into doubt, and by class how many submits a message comes to and how it ends."""

    temperament: Temperament
    happenings: tuple[Happening, ...]
    expected: dict[str, tuple[int, State]]
    messages: int = WINDOW
    carriers: tuple[str, ...] = ("alpha",)


def by_class(otp, transactional, marketing):
    return {"otp": otp, "transactional": transactional, "marketing": marketing}


# What a class says of doubt: codes are sent again as often as attempts allow, transactional messages once more, marketing never.
AGAIN = by_class((2, DELIVERED), (2, DELIVERED), (1, UNCONFIRMED))
SETTLED = by_class((1, DELIVERED), (1, DELIVERED), (1, DELIVERED))
PATHS = {
    "the answer is lost": Path(SILENT, (WELL_AGAIN,), AGAIN),
    # One message: of more, the carriers' breakers would keep it from being sent again. A carrier is not tried a third time.
    "no answer is ever given": Path(
        SILENT, (), by_class((4, UNCONFIRMED), (2, UNCONFIRMED), (1, UNCONFIRMED)), messages=1, carriers=("alpha", "beta")
    ),
    "the link is cut in mid-window": Path(
        msgspec.structs.replace(TAKES_ALL, black_hole=True),
        (Happening(SENT_AT_S + 0.15, "cut", "alpha"), WELL_AGAIN),
        AGAIN,
    ),
    "the carrier is killed between assignment and write": Path(
        TAKES_ALL,
        (Happening(0.1, "kill_at_call", "carrier:alpha#0", lasts_s=0.5, call="assign", phase="answered"),),
        by_class((1, DELIVERED), (1, DELIVERED), (0, UNCONFIRMED)),
    ),
    "the carrier is killed between write and answer": Path(
        msgspec.structs.replace(TAKES_ALL, black_hole=True),
        (Happening(SENT_AT_S + 0.15, "kill", "carrier:alpha#0", lasts_s=0.5), WELL_AGAIN),
        AGAIN,
    ),
    "the answer comes after the time-out": Path(
        msgspec.structs.replace(TAKES_ALL, answer_median_s=ANSWER_S + 0.8, receipt_median_s=4.0), (), SETTLED
    ),
    "the receipt comes before the re-send": Path(
        msgspec.structs.replace(TAKES_ALL, answer_median_s=ANSWER_S + 0.8, early_receipts=1.0), (), SETTLED
    ),
}


def carrier(name):
    return CarrierProfile(
        name=name,
        addresses=(f"{name}.sim:{PORT}",),
        system_id="trunkline",
        window=WINDOW,
        speed_mps=100,
        prices=(Price(to="*", micros=10_000),),
        response_timeout_s=ANSWER_S,
        receipt_horizon_s=10.0,
        rebind_min_s=0.2,
        rebind_max_s=0.5,
    )


def world(klass, path):
    rng = Random(4711)
    plaintext, key = make_key(rng.randbytes(ENTROPY_OCTETS), "acme", ("send", "read"))
    rules = {
        word: msgspec.structs.replace(rules, unknown_hold_s=HOLD_S[word], validity_s=30)
        for word, rules in DEFAULT_CLASSES.items()
    }
    settings = Settings(
        api=Api(fronts=1, docs=False),
        workers=Workers(dispatchers=1),
        classes=rules,
        carriers=tuple(carrier(name) for name in path.carriers),
        tenants=(Tenant(id="acme", rate_mps=100, burst=100),),
        keys=(key,),
    )
    messages = [
        {"to": f"+44770090{n:04}", "from": "Trunkline", "text": f"Your code is {n}.", "class": klass}
        for n in range(path.messages)
    ]
    orders = [Order(SENT_AT_S, "acme", "", messages)]
    return Plan(
        1, settings, {"acme": plaintext}, {}, dict.fromkeys(path.carriers, path.temperament), orders, path.happenings, ("doubt",)
    )


@pytest.fixture
def quiet():
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(disabled)


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("klass", HOLD_S)
@pytest.mark.parametrize("how", PATHS)
def test_what_is_in_doubt_goes_on_as_its_class_says(how, klass):
    path = PATHS[how]
    submits, state = path.expected[klass]
    stage = Stage(world(klass, path), Troupe())
    Director(stage)
    stage.loop.run(OVER_S)
    sent = [fact for counter in stage.counters.values() for fact in counter.witness.submits]
    times = {number: sorted(fact.at_us / 1e6 for fact in sent if fact.id == number) for number in {fact.id for fact in sent}}
    ended = [fact.state for fact in stage.ended]
    stage.end()
    assert stage.failures == []
    assert ended == [state] * path.messages
    assert len(times) == (path.messages if submits else 0)
    for mine in times.values():
        assert len(mine) == submits
        gaps = [later - earlier for earlier, later in pairwise(mine)]
        assert all(HOLD_S[klass] < gap < HOLD_S[klass] + ANSWER_S + 2.0 for gap in gaps)
