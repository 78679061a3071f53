"""A live run held against the twin's: the same world on both sides, the same figures, and an interval for one run."""

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from benchmarks.live.figures import Sent, Times, allowed, figures, hold, interval
from benchmarks.live.foretold import Length, foretell
from benchmarks.live.lived import load_arguments
from benchmarks.live.world import CARRIERS, MARKETS, STORIES, VICTIM, networks, profile, temperament, twin_world
from router.config import check_settings
from router.routes import Deck
from router.settings import Settings
from sims.load.command import load
from sims.smsc.temperament import changed
from sims.twin.conditions import cast, timetable

NAMES = ("bad", "good")


def run(*phases):
    """Two submits a second, by (until second, share of the first carrier)."""
    at_s, to = [], []
    now = 0.0
    for until_s, share in phases:
        steps = round((until_s - now) * 2)
        at_s += [now + step / 2 for step in range(steps)]
        to += [0 if (step * share) % 1.0 + share >= 1.0 else 1 for step in range(steps)]
        now = until_s
    return Sent(np.array(at_s), np.array(to))


def test_leaving_and_coming_back_are_timed():
    sent = run((100.0, 1.0), (106.0, 1.0), (150.0, 0.0), (158.0, 0.0), (200.0, 1.0))
    found = figures(sent, Times(100.0, 150.0, 200.0), NAMES, "bad", {"otp": 0.9})
    assert found["share before, bad"] == found["share after, bad"] == 1.0
    assert found["share during, good"] == 1.0
    # Windows of five seconds: the first that holds less than a fifth of the usual, the first that holds half of it.
    assert found["left after, s"] == pytest.approx(5.5)
    assert found["sent before it was left"] == 11
    assert found["sent during the fault"] == 12
    assert found["back after, s"] == pytest.approx(5.5)
    assert found["in time, otp"] == 0.9


def test_one_that_is_never_left_has_the_whole_fault():
    found = figures(run((200.0, 1.0)), Times(100.0, 150.0, 200.0), NAMES, "bad", {})
    assert found["left after, s"] == 50.0
    assert found["sent before it was left"] == found["sent during the fault"] == 100


def test_the_interval_is_that_of_one_more_run():
    twin = [{"left after, s": value} for value in (4.0, 5.0, 6.0, 5.0, 5.0, 4.0, 6.0, 5.0, 5.0, 5.0)]
    inside, outside = hold({"left after, s": 6.5}, twin)[0], hold({"left after, s": 9.0}, twin)[0]
    assert inside.mean == 5.0
    # t(9) = 2.262, s = 0.6667, sqrt(1.1) = 1.0488
    assert inside.high - inside.mean == pytest.approx(1.5815, abs=1e-3)
    assert inside.fits
    assert not outside.fits


def test_of_many_runs_the_interval_lies_between_two_of_them():
    # Of 39 the least and the greatest, of 79 the second ones.
    assert interval([float(n) for n in range(39)], 0.1) == (0.0, 38.0)
    assert interval([float(n) for n in range(79)], 0.1) == (1.0, 77.0)
    skewed = [*[2.0] * 35, 3.0, 5.0, 7.0, 9.0]
    assert interval(skewed, 0.1) == (2.0, 9.0)


def test_one_more_run_lies_inside_as_often_as_is_said():
    rng = np.random.default_rng(5)
    inside = 0
    for _ in range(400):
        *seen, one = rng.exponential(size=40).tolist()
        low, high = interval(seen, 0.0)
        inside += low <= one <= high
    assert 0.92 <= inside / 400 <= 0.98


def test_as_many_figures_may_lie_outside_as_of_the_twins_own_runs():
    rng = np.random.default_rng(6)
    twin = [dict(enumerate_names(rng.normal(10.0, 1.0, 20))) for _ in range(40)]
    assert 1 <= allowed(twin) <= 5
    far = dict.fromkeys(twin[0], 99.0)
    assert sum(not row.fits for row in hold(far, twin)) == 20


def enumerate_names(values):
    return ((f"figure {place}, s", float(value)) for place, value in enumerate(values))


def test_what_cannot_be_measured_is_no_difference():
    twin = [{"share before, bad": 0.5}] * 10
    assert hold({"share before, bad": 0.5015}, twin)[0].fits
    assert not hold({"share before, bad": 0.51}, twin)[0].fits


def test_both_sides_are_one_world():
    world = twin_world()
    assert world.carriers[cast(world).best] == VICTIM
    for place, carrier in enumerate(CARRIERS):
        smsc = temperament(carrier)
        assert (smsc.delivered, smsc.receipt_median_s, smsc.receipt_sigma) == (carrier.p, carrier.median_s, carrier.sigma)
        assert set(world.p[place].ravel()) == {carrier.p}
        assert set(world.median_s[place]) == {carrier.median_s}
    settings = Settings(networks=networks(), carriers=tuple(profile(carrier, "127.0.0.1:1") for carrier in CARRIERS))
    assert check_settings(settings, exists=lambda _: True) == []
    deck = Deck.compile(settings)
    for place, carrier in enumerate(CARRIERS):
        for market, micros in zip(MARKETS, world.price[place].tolist(), strict=True):
            number = market.prefix + "0" * market.digits
            assert deck.quote(carrier.name, number, market.network, market.country, 1) == micros


@pytest.mark.parametrize("name", STORIES)
def test_both_sides_have_the_same_fault(name):
    world, story = twin_world(), STORIES[name]
    before, during, after = timetable(world, story.twin, cast(world), 100.0)
    place = world.carriers.index(VICTIM)
    smsc = changed(temperament(next(one for one in CARRIERS if one.name == VICTIM)), story.smsc)
    assert bool(during.p[place].max() == 0.0) is smsc.black_hole
    assert bool(during.receipts[place] == 0.0) is smsc.black_hole
    assert world.median_s[place, 0] * during.slow[place] == pytest.approx(smsc.receipt_median_s)
    assert np.array_equal(before.p, after.p)


def test_the_load_generator_understands_its_arguments():
    app = typer.Typer()
    app.command()(load)
    answer = CliRunner().invoke(app, [*load_arguments(Length(1.0, 10.0), 1), "--url", "ftp://nowhere"])
    assert answer.exit_code == 2
    assert "is not http" in answer.output


def test_the_twin_foretells_the_same_of_the_same_seed():
    length = Length(40.0, 20.0)
    assert foretell("blackhole", length, 3) == foretell("blackhole", length, 3)
    assert foretell("blackhole", length, 3) != foretell("blackhole", length, 4)
