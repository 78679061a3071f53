"""One-time codes while a campaign fills every carrier, in virtual time: what remains is pauses, slots and turns, whatever the machine is busy with."""

import msgspec
import pytest

from actors.cli.troupe import Troupe
from carriers.lane import Lane
from router.model import MessageClass
from router.settings import Settings
from sims.invariants import History, examine
from sims.invariants.examine import RULES
from sims.smsc.temperament import Temperament
from sims.swarm.plan import TENANTS, Plan, draw
from sims.swarm.run import ids_of
from sims.swarm.stage import Stage
from sims.swarm.tenants import Order

pytestmark = pytest.mark.timeout(600)

SPEED_MPS = 130
CAMPAIGN = 1_500
CAMPAIGN_S = 12.0  # when it comes
CODES_PER_S = 12
ALONE_S = (2.5, 11.5)
BESIDE_S = (13.0, 22.0)  # some of the campaign is left then
CODES_FIRST = [rule for rule in RULES if rule.name == "I6 codes before campaigns"]


def settings_of(plan: Plan) -> Settings:
    """Two calm carriers of the same price, without a window to speak of, and one of each process."""
    first = plan.settings.carriers[0]
    carriers = tuple(
        msgspec.structs.replace(
            first, name=name, addresses=(f"{name}.sim:2775",), speed_mps=SPEED_MPS // 2, window=50, sessions=1
        )
        for name in ("alpha", "beta")
    )
    tenants = tuple(msgspec.structs.replace(tenant, rate_mps=10_000, burst=10_000) for tenant in plan.settings.tenants)
    one = msgspec.structs.replace(plan.settings.workers, dispatchers=1, couriers=1, limiters=1, brains=1)
    api = msgspec.structs.replace(plan.settings.api, fronts=1)
    return msgspec.structs.replace(plan.settings, carriers=carriers, tenants=tenants, workers=one, api=api, classes={})


def orders() -> list[Order]:
    def message(number: int, word: str) -> dict[str, str]:
        return {"to": f"+4479{number:08d}", "from": "Test", "text": f"Your code is {number}.", "class": word}

    found = []
    number = 0
    for begin_s, end_s in (ALONE_S, BESIDE_S):
        for n in range(int((end_s - begin_s) * CODES_PER_S)):
            number += 1
            # Not evenly: what comes again and again at the same time would meet or miss the same turns of others.
            found.append(Order(begin_s + n / CODES_PER_S + (n * 0.0377) % 0.1, TENANTS[0], "", [message(number, "otp")]))
    campaign = [message(1_000_000 + n, "marketing") for n in range(CAMPAIGN)]
    found += [Order(CAMPAIGN_S, TENANTS[1], "", campaign[n : n + 500]) for n in range(0, CAMPAIGN, 500)]
    return found


def played() -> tuple[Stage, History]:
    plan = draw(1)
    plan = plan._replace(settings=settings_of(plan), orders=orders(), happenings=[], kinds=[])
    calm = Temperament(answer_median_s=0.005, receipt_median_s=0.3)
    stage = Stage(plan._replace(temperaments=dict.fromkeys(("alpha", "beta"), calm)), Troupe())
    stage.loop.run(BESIDE_S[1] + 1.0)
    left = sum(len(line) for book in stage.store.journal._books for line in book.lines.values())
    assert left, "the campaign was over before the codes were"
    accepted = {fact.id: fact for fact in stage.customers.accepted}
    ids = ids_of(stage)
    delays: dict[bool, list[int]] = {False: [], True: []}
    for counter in stage.counters.values():
        for submit in counter.witness.submits:
            fact = accepted.get(ids.get(submit.id, submit.id))
            if fact is not None and fact.klass is MessageClass.OTP:
                delays[fact.at_us > CAMPAIGN_S * 1e6].append(submit.at_us - fact.at_us)
    stage.end()
    return stage, History(otp_idle_us=delays[False], otp_loaded_us=delays[True])


def test_a_campaign_does_not_slow_codes():
    stage, history = played()
    assert stage.failures == []
    assert len(history.otp_idle_us) == len(history.otp_loaded_us) == 108
    verdict = examine(history, CODES_FIRST)
    assert verdict.clean, str(verdict)


def test_without_what_lanes_keep_for_codes_it_would(monkeypatch):
    monkeypatch.setattr(Lane, "spare", lambda *_: 0)
    monkeypatch.setattr("carriers.link.SPARE_WINDOW", 0.0)
    _, history = played()
    assert not examine(history, CODES_FIRST).clean
