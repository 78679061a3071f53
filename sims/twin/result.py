"""What a run came to. Values and deliveries in time are expectations given what was true at each submit: the luck of a draw is no merit.

What is counted in messages (hurt, sent) are the draws themselves.
"""

from typing import Any, Final

import numpy as np
from msgspec import Struct, to_builtins

from router.model import CLASS_BY_WORD
from sims.twin.copies import Added, added, epochs
from sims.twin.engine import STEP_S, Log, Setup
from sims.twin.policy import NOWHERE
from sims.twin.scenarios import Change
from sims.twin.values import DEADLINE_S, LOSS, TIME, Bools, Floats, outlook

BEFORE_S: Final = 120.0  # the usual share is that of so long before the fault
WINDOW_S: Final = 5.0  # over which a share is taken when it is asked whether the carrier was left, or is back
LEFT: Final = 0.2  # of the usual share
BACK: Final = 0.5
SLICE_S: Final = 10.0  # of the timeline
LEAST_SHARE: Final = 0.02  # a carrier used less than that cannot be left


class Result(Struct, kw_only=True):
    """One policy in one scenario with one seed. Nothing before the burn-in counts."""

    scenario: str
    policy: str
    seed: int
    messages: int
    value_micros: float  # kept, all messages together
    otp_in_time: float  # share within 15 s
    in_time: float  # share of all, each within its class's deadline
    price_in_time_micros: float  # paid for each delivered in time
    explored: float  # share
    never_sent: int
    carrier: str  # the one that the scenario hits
    usual_share: float  # its share before the fault, of the messages concerned
    hurt: int  # sent to it and lost or late because of the fault; where it comes back every day, on the last one
    sent: int  # submits to it during the fault
    sent_before_left: int | None  # None: it had hardly any traffic
    hurt_before_left: int | None
    left_after_s: float | None  # None: it was not left
    back_after_s: float | None  # from the end of the fault to half of its usual share; None: it was not back
    shares: list[float]  # of the messages concerned, in slices of 10 s
    values_micros: list[float]  # kept of a message, in slices of 10 s, from the run's beginning
    alarms: int | None = None  # changes for the worse that the policy saw, from the beginning; None: it looks for none
    cpu_s: float = 0.0
    copied: float = 0.0  # share that was sent a second time while the first copy was pending
    doubles: int = 0  # of those, both copies arrived

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        found: dict[str, Any] = to_builtins(self)
        return found


def judge(setup: Setup, policy: str, log: Log) -> Result:
    """Measure a run."""
    # What arrives within the last step is never seen by anybody.
    counted = (setup.traffic.at_s >= setup.burn_in_s) & (setup.traffic.at_s <= setup.end_s - STEP_S)
    copies = added(setup, log)
    in_time, value, price = _outcome(setup, log, copies)
    otp = counted & (setup.traffic.klass == 0)
    slices = round(setup.end_s / SLICE_S)
    slot = np.minimum((setup.traffic.at_s / SLICE_S).astype(np.int64), slices - 1)
    per_slice = np.bincount(slot, weights=value, minlength=slices) / np.maximum(np.bincount(slot, minlength=slices), 1)
    return Result(
        scenario=setup.scenario.name,
        policy=policy,
        seed=setup.seed,
        messages=int(counted.sum()),
        value_micros=float(value[counted].sum()),
        otp_in_time=float(in_time[otp].mean()),
        in_time=float(in_time[counted].mean()),
        price_in_time_micros=float(price[counted].sum() / max(in_time[counted].sum(), 1e-9)),
        explored=float(log.explored[counted].mean()),
        copied=float((log.copy != NOWHERE)[counted].mean()),
        doubles=int((counted & copies.double).sum()),
        never_sent=int((counted & (log.carrier == NOWHERE)).sum()),
        values_micros=[round(one, 1) for one in per_slice.tolist()],
        **_fault(setup, log, copies),
    )


def _outcome(setup: Setup, log: Log, copies: Added) -> tuple[Floats, Floats, Floats]:
    """Of each message: P(in time), the value kept in micros, the price paid."""
    traffic, world = setup.traffic, setup.world
    klass, network = traffic.klass, traffic.network
    deadline_s, loss, time = np.array(DEADLINE_S)[klass], np.array(LOSS)[klass], np.array(TIME)[klass]
    in_time, waited, price = np.zeros(len(traffic)), deadline_s.copy(), np.zeros(len(traffic))
    epoch = epochs(setup, log.submit_s)
    for number, now in enumerate(setup.times):
        mine = np.flatnonzero((epoch == number) & (log.carrier != NOWHERE))
        who, where = log.carrier[mine], network[mine]
        median_s = world.median_s[who, where] * now.slow[who]
        spent_s = log.submit_s[mine] - traffic.at_s[mine]
        in_time[mine], waited[mine] = outlook(
            now.p[who, where, klass[mine]], median_s, world.sigma[who], deadline_s[mine], spent_s
        )
        price[mine] = now.price[who, where]
    in_time, waited, price = in_time + copies.in_time, waited - copies.saved_s, price + copies.price
    return in_time, loss * in_time - time * waited - price, price


def _concerned(setup: Setup) -> tuple[Change | None, Bools]:
    """The change that hits the best carrier, and the messages that it could concern."""
    change = next((one for one in setup.scenario.changes if one.carrier == "best"), None)
    mask = np.ones(len(setup.traffic), dtype=bool)
    if change is not None and change.network == "main":
        mask &= setup.traffic.network == setup.roles.main
    if change is not None and change.klass != "*":
        mask &= setup.traffic.klass == int(CLASS_BY_WORD[change.klass])
    return change, mask


def _spell(setup: Setup) -> tuple[float, float]:
    """From the first change of the best carrier to the end of its last, in seconds; where every day is like the last, of the last."""
    last = 1.0 - 1.0 / setup.scenario.days if setup.scenario.days else 0.0
    changes = [one for one in setup.scenario.changes if one.carrier == "best" and one.begin >= last]
    return min(one.begin for one in changes) * setup.end_s, max(one.end for one in changes) * setup.end_s


def _fault(setup: Setup, log: Log, copies: Added) -> dict[str, Any]:
    """How the carrier that the scenario hits was treated."""
    change, mask = _concerned(setup)
    best = setup.roles.best
    sent_s, sent_to, sent = np.array(log.sent_s), np.array(log.sent_to, dtype=np.int64), np.array(log.sent, dtype=np.int64)
    of_them = mask[sent]
    sent_s, to_best, sent = sent_s[of_them], sent_to[of_them] == best, sent[of_them]

    def share(begin_s: float, end_s: float) -> float:
        low, high = np.searchsorted(sent_s, (begin_s, end_s))
        return float(to_best[low:high].mean()) if high > low else 0.0

    slices = round(setup.end_s / SLICE_S)
    found: dict[str, Any] = {
        "carrier": setup.world.carriers[best],
        "usual_share": share(setup.burn_in_s, setup.end_s),
        "hurt": 0,
        "sent": 0,
        "sent_before_left": None,
        "hurt_before_left": None,
        "left_after_s": None,
        "back_after_s": None,
        "shares": [round(share(step * SLICE_S, (step + 1) * SLICE_S), 4) for step in range(slices)],
    }
    if change is None:
        return found
    begin_s, end_s = _spell(setup)
    usual = share(max(begin_s - BEFORE_S, 0.0), begin_s)
    during = (sent_s >= begin_s) & (sent_s < end_s) & to_best
    hurt_s = _hurt(setup, log, copies)
    hurt_s = hurt_s[(hurt_s >= begin_s) & (hurt_s < end_s)]
    found |= {"usual_share": usual, "hurt": len(hurt_s), "sent": int(during.sum())}
    if usual < LEAST_SHARE:
        return found
    starts = np.arange(begin_s, end_s - WINDOW_S, 0.5).tolist()
    left_s = next((at_s for at_s in starts if share(at_s, at_s + WINDOW_S) < LEFT * usual), None)
    found["left_after_s"] = None if left_s is None else left_s - begin_s
    until_s = end_s if left_s is None else left_s
    found["sent_before_left"] = int((during & (sent_s < until_s)).sum())
    found["hurt_before_left"] = int((hurt_s < until_s).sum())
    starts = np.arange(end_s, setup.end_s - WINDOW_S, 0.5).tolist()
    back_s = next((at_s for at_s in starts if share(at_s, at_s + WINDOW_S) >= BACK * usual), None)
    found["back_after_s"] = None if back_s is None else back_s - end_s
    return found


def _hurt(setup: Setup, log: Log, copies: Added) -> Floats:
    """When messages were sent to the carrier that would have arrived in time but for the fault, and no copy did."""
    traffic, world, best = setup.traffic, setup.world, setup.roles.best
    mine = np.flatnonzero((log.carrier == best) & ~copies.saves)
    klass, network = traffic.klass[mine], traffic.network[mine]
    luck, latency_s = traffic.deliver_u[mine, best], traffic.latency_s[mine, best]
    left_s = np.array(DEADLINE_S)[klass] - (log.submit_s[mine] - traffic.at_s[mine])
    epoch = epochs(setup, log.submit_s[mine])
    p = np.stack([now.p[best] for now in setup.times])[epoch, network, klass]
    slow = np.array([now.slow[best] for now in setup.times])[epoch]
    well = (luck < world.p[best, network, klass]) & (latency_s <= left_s)
    now_well = (luck < p) & (latency_s * slow <= left_s)
    found: Floats = log.submit_s[mine][well & ~now_well]
    return found
