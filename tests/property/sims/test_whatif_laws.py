"""Laws of what-if, over logs made in one stroke."""

import dataclasses
import importlib.util
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.brain.policies import POLICIES, Policy
from sims.whatif.estimates import effective, interval
from sims.whatif.evaluate import evaluate
from sims.whatif.log import NOT_OFFERED
from sims.whatif.propensity import estimated, logged
from sims.whatif.strata import numbered, rates, shares
from sims.whatif.target import NOBODY, Target, best, choose

_PLACE = Path(__file__).parents[2] / "sim" / "whatif" / "synthetic.py"
_SPEC = importlib.util.spec_from_file_location("whatif_laws_synthetic", _PLACE)
synthetic = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(synthetic)

seeds = st.integers(0, 30)
policies = st.sampled_from(
    [POLICIES["balanced"], POLICIES["fastest"], POLICIES["reliable"], POLICIES["cheapest"], Policy(loss_factor=1.3)]
)


@cache
def log_of(seed):
    return synthetic.make(seed, 1_200).log


def wanted(log, policy):
    return choose(log, Target(name="it", policy=policy), synthetic.RULES)


@settings(max_examples=15, deadline=None)
@given(seeds)
def test_the_choices_as_they_were_give_what_was_logged(seed):
    log = log_of(seed)
    answer = evaluate(log, Target(name="logged", policy=None), synthetic.RULES, POLICIES)
    assert answer.refused == []
    for part in answer.parts:
        for measure in part.measures.values():
            for found in (measure.target, measure.ips, measure.snips):
                assert found.estimate == pytest.approx(measure.logged.estimate)
                assert found.high - found.low == pytest.approx(measure.logged.high - measure.logged.low)
            assert measure.difference.estimate == pytest.approx(0.0, abs=1e-6)
    assert answer.parts[0].overlap.effective == pytest.approx(len(log))


@settings(max_examples=15, deadline=None)
@given(seeds)
def test_weights_mean_about_one_where_the_log_agrees(seed):
    log = log_of(seed)
    carrier = wanted(log, POLICIES["balanced"]).carrier
    for weights in (logged(log, carrier, synthetic.RULES, POLICIES), estimated(log, carrier)):
        assert weights.weight.mean() == pytest.approx(1.0, abs=0.15)
        assert (weights.weight >= 0.0).all()
    same = estimated(log, log.chosen)
    assert same.weight == pytest.approx(np.ones(len(log)))


@settings(max_examples=10, deadline=None)
@given(seeds, st.randoms(use_true_random=False))
def test_the_order_of_records_changes_nothing(seed, random):
    log = log_of(seed)
    order = np.array(random.sample(range(len(log)), len(log)))
    names = ("case", "at_s", "chosen", "explored", "in_time", "waited_s", "fold")
    shuffled = dataclasses.replace(
        log, reason=tuple(log.reason[place] for place in order), **{name: getattr(log, name)[order] for name in names}
    )
    for policy in (None, POLICIES["balanced"]):
        target = Target(name="it", policy=policy)
        one, other = (evaluate(each, target, synthetic.RULES, POLICIES) for each in (log, shuffled))
        assert [reason.name for reason in one.refused] == [reason.name for reason in other.refused]
        for mine, yours in zip(one.parts, other.parts, strict=True):
            for name, measure in mine.measures.items():
                assert measure.target.estimate == pytest.approx(yours.measures[name].target.estimate, rel=1e-9)
                assert measure.target.high == pytest.approx(yours.measures[name].target.high, rel=1e-9)


@settings(max_examples=15, deadline=None)
@given(seeds, policies)
def test_only_carriers_that_were_considered_are_chosen(seed, policy):
    log = log_of(seed)
    chosen = wanted(log, policy)
    assert (chosen.carrier != NOBODY).all()
    assert (log.price[log.case, chosen.carrier] != NOT_OFFERED).all()


@settings(max_examples=10, deadline=None)
@given(seeds)
def test_the_policy_of_the_log_chooses_as_the_log_ranked(seed):
    log = log_of(seed)
    mine = best(log, log.price, {"balanced": POLICIES["balanced"]}, synthetic.RULES)
    assert (mine == np.nanargmin(log.total, axis=1)).all()


@settings(max_examples=15, deadline=None)
@given(seeds)
def test_a_dearer_carrier_is_not_sent_more(seed):
    log = log_of(seed)
    place = int(np.bincount(log.chosen).argmax())
    dearer = log.price.copy()
    dearer[:, place] = np.where(dearer[:, place] == NOT_OFFERED, NOT_OFFERED, dearer[:, place] + 9_000)
    before, after = (best(log, price, POLICIES, synthetic.RULES) for price in (log.price, dearer))
    assert ((before == place) | (after != place)).all()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3), st.integers(0, 4), st.integers(-1, 2)), min_size=1, max_size=60))
def test_shares_are_distributions_and_rates_are_rates(items):
    wide, narrow, fold, action = (np.array(column, dtype=np.int64) for column in zip(*items, strict=True))
    levels = [wide, numbered(wide, narrow)]
    found = shares(levels, fold, action, 3)
    assert (found >= 0.0).all()
    assert (found.sum(axis=1) <= 1.0 + 1e-12).all()
    risk = np.ones((len(items), 3), dtype=bool)
    risk[:, 1] = action == 1
    seen = rates(levels, fold, action, risk)
    assert ((seen >= 0.0) & (seen <= 1.0)).all()
    assert (seen[~risk] == 0.0).all()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0.0, 1e3), min_size=1, max_size=50))
def test_the_effective_size_is_at_most_the_size(weights):
    found = effective(np.array(weights))
    assert 0.0 <= found <= len(weights) * (1.0 + 1e-9)
    assert effective(np.ones(len(weights))) == pytest.approx(len(weights))


def test_the_interval_is_that_of_a_bootstrap():
    rng = np.random.default_rng(3)
    log = log_of(2)
    values = log.in_time + rng.normal(0, 0.2, len(log))
    found = interval(values)
    means = [values[rng.integers(0, len(values), len(values))].mean() for _ in range(1_000)]
    low, high = np.quantile(means, [0.025, 0.975])
    assert found.low == pytest.approx(low, abs=0.1 * (high - low))
    assert found.high == pytest.approx(high, abs=0.1 * (high - low))
