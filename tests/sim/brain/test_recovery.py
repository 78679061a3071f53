"""A quick carrier of a fair price, in eight countries of three networks, so that most of its cells are thin, has a fault and is well again."""

import brain_world as world
import numpy as np
import pytest

from router.model import MessageClass

COUNTRIES = ("262", "234", "208", "214", "222", "260", "204", "240")
NETWORKS = tuple(country + network for country in COUNTRIES for network in ("01", "02", "03"))
FROM_S, TO_S = 62.0, 80.0
P, WAIT_S = 0.985, 0.985 * 1.255 + 0.015 * 15.0  # of the victim: the mean of its lognormal latency, and the losses' deadline
SEEDS = range(10)


def carriers(fault, answer_s=0.0):
    faults = [(FROM_S, TO_S, fault)]
    return [
        world.Carrier("budget", 18_000, 0.93, 2.5, 0.4, tells=True, answer_s=answer_s),
        world.Carrier("direct", 32_000, 0.985, 1.2, 0.3, tells=True, answer_s=answer_s, faults=faults),
        world.Carrier("premium", 55_000, 0.995, 0.6, 0.3, tells=True, answer_s=answer_s),
    ]


class Watch:
    """What the boards said of the victim: (time, mean p, mean wait, suspect)."""

    def __init__(self):
        self.seen = []

    def __call__(self, now, board):
        cells = [board.cells[key] for key in (f"direct|{network}|0" for network in NETWORKS) if key in board.cells]
        if cells:
            p, wait_s = np.mean([(cell.p, cell.wait_s) for cell in cells], axis=0)
            self.seen.append((now, p, wait_s, board.carriers["direct"].suspect))

    def after(self, at_s):
        return [item for item in self.seen if item[0] >= at_s]


def lived(fault, seed, until_s=TO_S + 32.0, answer_s=0.0):
    watch = Watch()
    run = world.Run(carriers(fault, answer_s), rate=80.0, seed=seed, networks=NETWORKS, look=watch, step_s=0.25).until(until_s)
    return run, watch


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("fault", ["black_hole", "brownout", "outage"])
def test_estimates_are_true_again_and_nobody_is_suspected(fault, seed):
    run, watch = lived(fault, seed, answer_s=0.05 * (seed % 3))
    usual = run.share("direct", 45.0, FROM_S)
    assert 0.3 < usual < 0.6
    assert run.share("direct", FROM_S + 10.0, TO_S) < 0.05
    later = watch.after(TO_S + 20.0)
    assert max(abs(p - P) for _, p, _, _ in later) < 0.05
    assert max(abs(wait_s - WAIT_S) for _, _, wait_s, _ in later) < 0.5 * WAIT_S
    assert not any(suspect for *_, suspect in watch.after(TO_S + 25.0))
    shares = [run.share("direct", begin_s, begin_s + 5.0) for begin_s in np.arange(TO_S + 20.0, TO_S + 30.0, 5.0)]
    assert min(shares) > usual - 0.15
    assert max(shares) < usual + 0.15


def test_a_fault_that_otp_finds_holds_for_marketing_too_and_so_does_its_end():
    """Otp finds the fault; marketing, which hardly ever went there, makes the probes."""
    cells = {}

    def look(now, board):
        cells[round(now)] = board.cells.get("direct|26201|2")

    world.Run(carriers("black_hole"), rate=80.0, seed=11, networks=NETWORKS, look=look, step_s=0.25).until(TO_S + 20.0)
    assert cells[61].p > 0.85
    assert cells[78].p < 0.5
    assert cells[99].p > 0.85


def test_a_carrier_nobody_uses_is_probed_every_two_minutes_in_every_country():
    run = world.Run(carriers("none"), rate=80.0, seed=12, networks=NETWORKS, step_s=0.5).until(300.0)
    probes = [(at_s, want) for at_s, carrier, _, want in run.sent if carrier == "premium"]
    for country in COUNTRIES:
        times = [0.0, *(at_s for at_s, want in probes if want.network.startswith(country)), 300.0]
        assert max(np.diff(times)) <= 120.0
    # A probe takes the least valuable message at hand whose regret is bearable: seldom otp, though some batches have nothing else.
    assert sum(want.klass is MessageClass.OTP for _, want in probes) < 0.3 * len(probes)
    assert len(probes) < 0.02 * len(run.sent)
