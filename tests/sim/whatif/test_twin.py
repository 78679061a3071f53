"""Records of the twin's brain, whose truth is known, through a file and back: what another policy would have been worth."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

import sims.twin.brain_policy as twin_brain
from router.brain.policies import POLICIES, Policy
from router.first_attempts import FirstAttempt
from router.ids import make_id, to_text
from router.model import MessageClass
from sims.twin.engine import make_setup, simulate
from sims.twin.policy import Pick, Seen, generator
from sims.twin.values import DEADLINE_S, LOSS, RULES, TIME, outlook
from sims.whatif.evaluate import evaluate
from sims.whatif.files import flat, writer
from sims.whatif.log import read_log
from sims.whatif.target import Target, choose

BEGIN_MS = 1_768_469_400_000
MINUTES, RATE_MPS = 5.0, 40.0


class Recorder(twin_brain.BrainPolicy):
    """The twin's brain, which notes what its plans said and what became of each message.

    Every fifth message finds its best carrier full and goes to the second or the third: by itself the brain of a quiet world tries too
    little for a log of minutes.
    """

    def __init__(self, brief, rng):
        super().__init__(brief, rng)
        self.made, self.decided, self.ended = [], {}, {}
        self.luck = np.random.default_rng(11)

    def _plan(self, items, klass, room, now):
        self.made.clear()
        picks = super()._plan(items, klass, room, now)
        (made,) = self.made
        for number, (item, choice) in enumerate(zip(items, made.choices, strict=True)):
            if not choice.carrier or item.tried:
                continue
            considered = made.decisions[choice.row]["considered"]
            if choice.carrier == considered[0][0] and len(considered) > 2 and self.luck.random() < 0.2:
                name = considered[1 + int(self.luck.integers(2))][0]
                place = self._brief.carriers.index(name)
                if room.takes(place, klass):
                    room.tokens[picks[number].place] += 1.0
                    room.take(place)
                    picks[number], choice = Pick(place), choice._replace(carrier=name)  # noqa: PLW2901 (it is this now)
            self.decided[item.number] = now, item, choice, made.decisions[choice.row]
        return picks

    def observe(self, events, now):
        for event in events:
            if event.seen in {Seen.DELIVERED, Seen.UNDELIVERED} and event.first:
                self.ended[event.item] = event.seen, event.age_s
        super().observe(events, now)


def record(recorder, number, end_s, speeds):
    now, item, choice, row = recorder.decided[number]
    seen, age_s = recorder.ended.get(number, (None, None))
    made = FirstAttempt(
        id=to_text(make_id(BEGIN_MS, 0, number.to_bytes(10, "big"))),
        tenant="shop",
        klass=MessageClass(item.klass).word,
        country=row["network"][:3],
        network=row["network"],
        segments=1,
        currency="EUR",
        due_ms=BEGIN_MS + round(item.at_s * 1000),
        at_ms=BEGIN_MS + round(now * 1000),
        seen_ms=BEGIN_MS + round(end_s * 1000),
        policy=row["policy"],
        rule="",
        board=row["board"],
        carrier=choice.carrier,
        explored=choice.explored,
        reason=choice.why,
        considered=[(*entry, speeds[entry[0]]) for entry in row["considered"]],
        excluded=row["excluded"],
        price_micros=next((entry[1] for entry in row["considered"] if entry[0] == choice.carrier), -1),
        outcome={Seen.DELIVERED: "delivered", Seen.UNDELIVERED: "undelivered"}.get(seen, "pending"),
        seconds=age_s,
        attempts=1,
        status="sent",
    )
    return flat(msgspec.to_builtins(made))


@pytest.fixture(scope="module")
def twin(tmp_path_factory):
    """The setup, and the log read back from a file. Marketing's deadline is a quarter of the run: the records are read after it."""
    setup = make_setup("stationary", 4, minutes=MINUTES, rate_mps=RATE_MPS, burn_in_minutes=1.0)
    recorder = Recorder(setup.brief, generator(4, "brain"))
    plan = twin_brain.plan

    def noted(*args, **more):
        recorder.made.append(plan(*args, **more))
        return recorder.made[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(twin_brain, "plan", noted)
        simulate(setup, recorder)
    speeds = dict(zip(setup.brief.carriers, setup.world.speed_mps.astype(int).tolist(), strict=True))
    # Receipts of the last minute were still to come when the run ended; the deadline of marketing is counted from what was seen.
    numbers = [number for number, (now, *_) in recorder.decided.items() if 60.0 < now < setup.end_s - 61.0]
    path = Path(tmp_path_factory.mktemp("twin")) / "records.csv"
    with writer(path) as file:
        file.write([record(recorder, number, setup.end_s + 600.0, speeds) for number in numbers])
    return setup, read_log([path], RULES)


def truth(setup, log, chosen):
    """What the target's carriers would have done, by what is true in the twin: share in time by receipts, cost and value."""
    world, klass = setup.world, log.klass[log.case]
    place = np.array([world.carriers.index(name) for name in log.carriers])[chosen.carrier]
    network = np.array([world.networks.index(case.network) for case in log.cases])[log.case]
    deadline_s = np.array(DEADLINE_S)[klass]
    p = world.p[place, network, klass] * world.receipts[place]
    in_time, waited = outlook(p, world.median_s[place, network], world.sigma[place], deadline_s, np.zeros(()))
    price = chosen.price[log.case, chosen.carrier]
    value = np.array(LOSS)[klass] * in_time - np.array(TIME)[klass] * waited - price
    return {"delivered_in_time": in_time.mean(), "cost_micros": price.mean(), "kept_micros": value.mean()}


def test_the_records_are_those_of_the_run(twin):
    setup, log = twin
    assert len(log) > 0.5 * MINUTES * 60.0 * RATE_MPS
    assert set(log.left_out) <= {"sent to a carrier that was not among those considered"}
    assert 0.0 < log.explored.mean() < 0.05
    assert set(log.carriers) == set(setup.world.carriers)


@pytest.mark.parametrize(
    "policy", [POLICIES["balanced"], Policy(loss_factor=1.3), Policy(time_factor=2.0)], ids=["balanced", "loss", "time"]
)
def test_the_interval_holds_the_truth_of_a_policy_that_is_not_far(twin, policy):
    setup, log = twin
    target = Target(name="it", policy=policy)
    answer = evaluate(log, target, RULES, POLICIES)
    assert answer.refused == []
    true = truth(setup, log, choose(log, target, RULES))
    for name, measure in answer.parts[0].measures.items():
        assert measure.target.low <= true[name] <= measure.target.high, name
    assert (
        answer.parts[0].measures["delivered_in_time"].target.high - answer.parts[0].measures["delivered_in_time"].target.low
        < 0.05
    )


def test_the_cheapest_is_refused_for_it_goes_where_the_brain_did_not(twin):
    _, log = twin
    answer = evaluate(log, Target(name="cheapest", policy=POLICIES["cheapest"]), RULES, POLICIES)
    assert {reason.name for reason in answer.refused} & {"never_observed", "little_overlap", "capacity"}
    assert answer.parts == []
