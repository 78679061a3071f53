"""Each reason for which a log cannot answer, by name."""

import numpy as np
import pytest

from router.brain.policies import POLICIES, Policy
from sims.whatif.decks import table
from sims.whatif.evaluate import evaluate
from sims.whatif.refusals import weak
from sims.whatif.target import Target, choose

BALANCED = POLICIES["balanced"]


@pytest.fixture
def asked(make):
    """The names of the reasons for which a log refuses to answer, and the answer."""

    def ask(log, policy=BALANCED, deck=None, propensity="auto"):
        target = Target(name="it", policy=policy, deck=deck)
        answer = evaluate(log, target, make.rules, POLICIES, propensity=propensity)
        assert bool(answer.parts) != bool(answer.refused)
        return [reason.name for reason in answer.refused], answer

    return ask


def test_a_log_with_overlap_answers(read, make, asked):
    names, answer = asked(read(make.many(900)), propensity="estimated")
    assert names == []
    assert [part.name for part in answer.parts] == ["total", "otp", "transactional", "marketing"]
    assert answer.propensity == "estimated"
    # Ever the best of three instead of each now and then.
    assert answer.parts[0].measures["kept_micros"].difference.low > 0.0


def test_few_records(read, make, asked):
    names, answer = asked(read(make.many(400)))
    assert names == ["few_records"]
    assert "400 records" in answer.refused[0].sentence


def test_no_records_at_all(read, asked):
    assert asked(read([]))[0] == ["few_records"]


def test_decisions_that_are_not_kept(read, make, asked):
    records = [*make.many(700), *(make.one(1_000 + number, considered=[]) for number in range(100))]
    assert asked(read(records))[0] == ["no_decisions"]


def test_outcomes_that_are_pending(read, make, asked):
    young = [make.one(1_000 + number, seen_ms=make.one(1_000 + number).at_ms + 9_000, outcome="pending") for number in range(100)]
    names, answer = asked(read([*make.many(700), *young]))
    assert names == ["pending"]
    assert "100 of 800" in answer.refused[0].sentence
    assert "export again after 2026-01-15T" in answer.refused[0].sentence


def test_carriers_beside_those_considered(read, make, asked):
    beside = [make.one(1_000 + number, considered=make.one(0).considered[1:]) for number in range(100)]
    assert asked(read([*make.many(700), *beside]))[0] == ["beside"]


def deck(tmp_path, *lines):
    return table("\n".join(["carrier,to,micros", *lines]), tmp_path / "deck.csv")


EVERY = ("alpha,*,30000", "beta,*,20000", "gamma,*,12000")


def test_a_deck_that_lacks_a_carrier(read, make, asked, tmp_path):
    names, answer = asked(read(make.many(600)), deck=deck(tmp_path, *EVERY[:2]))
    assert names == ["deck_lacks_carrier"]
    assert "gamma" in answer.refused[0].sentence


def test_a_deck_with_a_carrier_that_nobody_knows(read, make, asked, tmp_path):
    names, answer = asked(read(make.many(600)), deck=deck(tmp_path, *EVERY, "omega,*,1"))
    assert names == ["unknown_carrier"]
    assert "omega" in answer.refused[0].sentence


def test_a_deck_by_digits_of_the_number(read, make, asked, tmp_path):
    assert asked(read(make.many(600)), deck=deck(tmp_path, *EVERY, "alpha,4477,5"))[0] == ["deck_by_number"]


def test_a_deck_that_leaves_messages_without_a_carrier(read, make, asked, tmp_path):
    names, answer = asked(read(make.many(600)), deck=deck(tmp_path, *(line.replace("*", "net:23410") for line in EVERY)))
    assert "no_candidate" in names
    assert "23415" in answer.refused[0].sentence


def test_a_carrier_that_was_never_seen_there(read, make, asked):
    names, answer = asked(read([make.one(number) for number in range(600)]), Policy(floor=0.5), propensity="estimated")
    assert "never_observed" in names
    assert "gamma to 234" in next(one.sentence for one in answer.refused if one.name == "never_observed")


def test_little_overlap(read, make, asked):
    # Gamma was tried a few times everywhere, and the target would send all to it.
    records = [
        make.one(number, "gamma" if number % 60 < 6 and number < 300 else "alpha", explored=number % 60 < 6)
        for number in range(3_000)
    ]
    names, answer = asked(read(records), Policy(floor=0.5), propensity="estimated")
    assert names == ["little_overlap"]
    assert answer.propensity == "estimated"


def test_too_much_for_a_carrier(read, make, asked):
    slow = [
        (name, price, p, wait, 0, price, 0.02, 2 if name == "alpha" else 100)
        for name, price, p, wait, *_ in make.one(0).considered
    ]
    names, answer = asked(read(make.many(900, considered=slow)), propensity="estimated")
    assert names == ["capacity"]
    assert "alpha" in answer.refused[0].sentence
    assert "takes 2" in answer.refused[0].sentence
    # What the log itself did can be done, whatever the contract.
    assert asked(read(make.many(900, considered=slow)), None)[0] == []


def test_speeds_that_nobody_knows_are_told(read, make, asked):
    unknown = [(*option[:7], 0) for option in make.one(0).considered]
    names, answer = asked(read(make.many(900, considered=unknown)), propensity="estimated")
    assert names == []
    assert any("No speed is known" in caution for caution in answer.cautions)


def test_decisions_of_older_releases_have_no_chances(read, make, asked):
    old = [(*option[:6], None, 100) for option in make.one(0).considered]
    log = read(make.many(900, considered=old))
    assert asked(log, propensity="logged")[0] == ["no_spread"]
    assert asked(log)[1].propensity == "estimated"


def test_other_prices_alone_need_no_model(read, make, asked, tmp_path):
    log = read(make.many(600))
    dearer = deck(tmp_path, "alpha,*,33000", "beta,*,20000", "gamma,*,12000")
    names, answer = asked(log, None, dearer)
    assert names == []
    total = answer.parts[0].measures
    assert total["delivered_in_time"].difference.estimate == pytest.approx(0.0, abs=1e-12)
    assert total["cost_micros"].difference.estimate == pytest.approx(3_000 * (log.chosen == 0).mean())
    assert (choose(log, Target(name="logged", policy=None), make.rules).carrier == log.chosen).all()


@pytest.mark.parametrize(
    ("weights", "sentence"),
    [
        ([1.0] * 150, "as 150 messages would"),
        ([1.0] * 900 + [10.0] * 10, "rests on as much as 10 messages"),
        ([1.0] * 900 + [0.0] * 100, "the mean weight is 0.90"),
    ],
)
def test_weights_that_tell_too_little(weights, sentence):
    (found,) = weak(np.array(weights))
    assert found.name == "little_overlap"
    assert sentence in found.sentence


@pytest.mark.parametrize("weights", [[1.0] * 200, [1.0] * 900 + [10.0] * 30, [1.01] * 990 + [0.0] * 10])
def test_weights_that_tell_enough(weights):
    assert weak(np.array(weights)) == []
