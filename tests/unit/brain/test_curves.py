import numpy as np
import pytest

from router.brain.ages import BINS, EDGES_S, PRIOR_NEGATIVE, PRIOR_POSITIVE, WIDTHS_S, bin_of, spent
from router.brain.curves import curve, hazards, outlooks, prior
from router.brain.networks import country_of, scopes


@pytest.mark.parametrize("deadline_s", [0.5, 15.0, 60.0, 600.0, 900.0])
def test_constant_hazards_have_a_closed_form(deadline_s):
    mu, nu = 0.2, 0.05
    p, wait_s = curve(np.full(BINS, mu), np.full(BINS, nu), deadline_s)
    reach = min(deadline_s, EDGES_S[-1])
    total = mu + nu
    expected = mu / total * (1 - np.exp(-total * reach))
    waited = reach - mu / total * (reach - (1 - np.exp(-total * reach)) / total) + (deadline_s - reach) * (1 - expected)
    assert p == pytest.approx(expected)
    assert wait_s == pytest.approx(waited)


def test_the_prior_delivers_nine_of_ten_within_15_s_after_about_5_s():
    p, wait_s = prior(15.0)
    assert p == pytest.approx(0.9, abs=0.02)
    assert wait_s == pytest.approx(5.0, abs=0.5)
    assert prior(600.0)[0] == pytest.approx(0.92, abs=0.005)


def test_nothing_ever_comes_from_a_hazard_of_zero():
    assert curve(np.zeros(BINS), np.zeros(BINS), 15.0) == (0.0, pytest.approx(15.0))


def test_more_hazard_means_more_and_sooner():
    mu, nu = hazards(PRIOR_POSITIVE, PRIOR_NEGATIVE)
    slow, fast = curve(mu, nu, 15.0), curve(2 * mu, nu, 15.0)
    assert fast[0] > slow[0]
    assert fast[1] < slow[1]


def test_hazards_end_the_share_that_the_rates_say():
    mu, nu = hazards(np.full(BINS, 0.6) / WIDTHS_S, np.full(BINS, 0.3) / WIDTHS_S)
    assert 1 - np.exp(-(mu + nu) * WIDTHS_S) == pytest.approx(np.full(BINS, 0.9))
    assert mu / nu == pytest.approx(np.full(BINS, 2.0))
    assert np.isfinite(hazards(np.full(BINS, 9.0), np.zeros(BINS))).all()


def test_time_spent_in_bins_adds_up_to_the_age():
    ages = np.array([0.0, 0.4, 7.0, 599.0, 700.0])
    assert spent(ages).sum(axis=1) == pytest.approx(np.minimum(ages, 600.0))
    assert bin_of(np.array([-1.0, 0.0, 1.0, 599.9, 600.0])).tolist() == [0, 0, 1, BINS - 1, BINS]


def test_networks_widen_to_their_country_and_the_world():
    assert scopes("23410") == ("23410", "234", "*")
    assert scopes("GB") == ("GB", "*")
    assert country_of("311480") == "310"


def test_outlooks_are_the_curves_of_many_at_once():
    rng = np.random.default_rng(3)
    positive, negative = rng.exponential(PRIOR_POSITIVE, (50, BINS)) * 10.0, rng.exponential(PRIOR_NEGATIVE, (50, BINS))
    positive[0] = negative[0] = positive[1] = negative[2] = 0.0
    deadlines_s = (15.0, 0.0, 0.5, 60.0, 45.5, 600.0, 900.0, 15.0)
    found = outlooks(positive.T, negative.T, deadlines_s)
    for deadline_s, (p, wait_s) in zip(deadlines_s, found, strict=True):
        expected_p, expected_wait_s = curve(*hazards(positive, negative), deadline_s)
        assert p == pytest.approx(expected_p, rel=1e-9, abs=1e-12)
        assert wait_s == pytest.approx(expected_wait_s, rel=1e-7, abs=1e-9)
    assert outlooks(positive.T, negative.T, ()) == []


def test_outlooks_ask_for_no_more_bins_than_they_need():
    assert len(outlooks(iter(PRIOR_POSITIVE[:8, None]), iter(PRIOR_NEGATIVE[:8, None]), (15.0,))) == 1
