"""A log made in one stroke, whose truth is known: what each carrier does with each message, and why each went where it went."""

from typing import NamedTuple

import numpy as np

from router.brain.explore import BUDGET, REGRET_LIMIT, THOMPSON_SHARE
from router.model import MessageClass
from router.settings import Settings
from sims.whatif.log import FOLDS, NOT_OFFERED, Case, Log

RULES = {klass: Settings().rules(klass) for klass in MessageClass}
DEADLINE_S = np.array([RULES[klass].deadline_s for klass in MessageClass])
LOSS = np.array([RULES[klass].loss_micros for klass in MessageClass], dtype=float)
TIME = np.array([RULES[klass].time_micros_per_s for klass in MessageClass], dtype=float)
NETWORKS = ("23410", "23415", "26201", "26202", "20801", "20810")
COUNTRIES = ("GB", "GB", "DE", "DE", "FR", "FR")
STEP_S = 60.0  # from one board to the next


class Made(NamedTuple):
    log: Log
    p: np.ndarray  # (U, C) delivered in time, in truth
    wait_s: np.ndarray  # (U, C) expected in truth


def make(seed, count=6_000, carriers=5, noise=0.03, bias=0.0, sd=0.04, share=THOMPSON_SHARE, spill=0.02, probes=0.02):
    """A log of ``count`` attempts. ``noise`` and ``bias``: of what boards say of p; ``sd``: the spread they claim; ``share``: that draw."""
    rng = np.random.default_rng([seed, 77])
    networks, classes = len(NETWORKS), len(MessageClass)
    true_p = np.clip(rng.uniform(0.75, 0.97, (carriers, 1, 1)) + rng.normal(0, 0.04, (carriers, networks, classes)), 0.3, 0.995)
    quick_s = rng.uniform(1.0, 6.0, (carriers, networks, 1)) * np.ones(classes)
    price = np.round(rng.uniform(10_000, 40_000, (carriers, networks))).astype(np.int64)
    covers = rng.random((carriers, networks)) < 0.9
    covers[0] = True
    at_s = np.sort(rng.uniform(0.0, count / 5.0, count))
    network, klass = rng.integers(0, networks, count), rng.choice(classes, count, p=(0.4, 0.35, 0.25))
    step = (at_s // STEP_S).astype(np.int64)
    keys, case = np.unique(np.stack((step, network, klass)), axis=1, return_inverse=True)
    case = case.reshape(-1)
    where, what = keys[1], keys[2]
    p, wait = true_p[:, where, what].T, quick_s[:, where, what].T
    wait_s = p * wait + (1.0 - p) * DEADLINE_S[what][:, None]
    offered = covers[:, where].T
    micros = np.where(offered, price[:, where].T, NOT_OFFERED)
    said = np.clip(p + bias + rng.normal(0.0, noise, p.shape), 0.0, 1.0)
    said_wait = said * wait + (1.0 - said) * DEADLINE_S[what][:, None]
    spread = np.full(p.shape, sd)
    total = micros + LOSS[what][:, None] * (1.0 - said) + TIME[what][:, None] * said_wait
    hidden = np.where(offered, 0.0, np.nan)
    ranked = np.argsort(np.where(offered, total, np.inf), axis=1)
    chosen, why = ranked[case, 0], np.full(count, "", dtype=object)
    # Draws, as the router makes them.
    loss = LOSS[what][case]
    luck = rng.random((3, count))
    drawn = np.clip(said[case] + sd * rng.standard_normal((count, carriers)), 0.0, 1.0)
    pick = np.argmin(np.where(offered[case], total[case] + loss[:, None] * (said[case] - drawn), np.inf), axis=1)
    rows = np.arange(count)
    regret = total[case, pick] - total[case, chosen]
    part = np.array(share)[klass]
    taken = (luck[0] < part) & (regret > 0) & (regret <= REGRET_LIMIT * loss) & (luck[1] * part * regret <= BUDGET * loss)
    chosen, why = np.where(taken, pick, chosen), np.where(taken, "draw", why)
    # What depends on the moment: probes anywhere, and carriers that were full.
    some = np.argmax(np.where(offered[case], rng.random((count, carriers)), -1.0), axis=1)
    probed = ~taken & (luck[2] < probes)
    chosen, why = np.where(probed, some, chosen), np.where(probed & (some != ranked[case, 0]), "unused", why)
    full = ~taken & ~probed & (luck[2] < probes + spill) & (offered.sum(axis=1)[case] > 1)
    chosen = np.where(full, ranked[case, 1], chosen)
    in_time = rng.random(count) < p[case, chosen]
    waited_s = np.where(in_time, wait[case, chosen] * rng.uniform(0.5, 1.5, count), DEADLINE_S[klass])
    names = tuple(f"carrier-{place}" for place in range(carriers))
    log = Log(
        carriers=names,
        currency="EUR",
        cases=tuple(
            Case(str(number), MessageClass(int(k)), NETWORKS[n], COUNTRIES[n], 1, "balanced", "")
            for number, (n, k) in enumerate(zip(where, what, strict=True))
        ),
        price=micros,
        p=said + hidden,
        wait_s=said_wait + hidden,
        sd=spread + hidden,
        total=total + hidden,
        speed_mps=np.full(carriers, 100),
        case=case,
        at_s=at_s,
        chosen=chosen,
        explored=why != "",
        reason=tuple(why.tolist()),
        in_time=in_time,
        waited_s=waited_s,
        fold=rng.integers(0, FOLDS, count),
        left_out={},
        overtaken=0,
        young_until_s=0.0,
    )
    assert (log.price[log.case, log.chosen] != NOT_OFFERED).all()
    assert (rows == np.arange(count)).all()
    return Made(log, p, wait_s)


def truth(made, chosen):
    """What the target would be worth: the three measures, of all messages."""
    case, carrier = made.log.case, chosen.carrier
    klass = made.log.klass[case]
    p, wait_s, price = made.p[case, carrier], made.wait_s[case, carrier], chosen.price[case, carrier]
    value = LOSS[klass] * p - TIME[klass] * wait_s - price
    return {"delivered_in_time": p.mean(), "cost_micros": price.mean(), "kept_micros": value.mean()}
