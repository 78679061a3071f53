"""A writer that has to wait for a core: the contract is held against when octets left, not against when it meant to write."""

from random import Random
from typing import Any

import pytest

from carriers.lane import Lane
from carriers.port import Outgoing
from carriers.smpp.counters import LinkCounters
from carriers.smpp.id_watch import IdWatch
from carriers.smpp.traffic import Traffic
from router.ids import make_id
from router.model import MessageClass
from router.record import Body
from router.settings import CarrierProfile
from sims.invariants.speed import first_excess

SPEED = 250


class Late:
    """A session that takes all, in a process that is seldom given its core; stands where a seat and its shell stand."""

    bound = True
    room = 10_000

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self.now_s = 1_000.0
        self._packed = 0
        self.left_us: list[int] = []

    @property
    def shell(self) -> "Late":
        return self

    @property
    def session(self) -> "Late":
        return self

    def request(self, *_: Any) -> None:
        self._packed += 1

    def flush(self) -> None:
        self.now_s += 0.3 if self._rng.random() < 0.01 else 0.0001
        self.left_us += [round(self.now_s * 1e6)] * self._packed
        self._packed = 0


@pytest.mark.parametrize("seed", range(5))
def test_the_contract_holds_for_what_leaves_late(seed: int) -> None:
    rng = Random(seed)
    late = Late(rng)
    traffic = Traffic(
        CarrierProfile(name="acme", addresses=("h:1",), system_id="me", speed_mps=SPEED),
        Lane(SPEED, late.now_s),
        counters=LinkCounters(),
        ids=IdWatch("exact"),
        clock=lambda: late.now_s,
        wall=lambda: 0.0,
        rng=rng,
    )
    traffic.senders = [late]  # type: ignore[list-item]
    body = Body(
        tenant="t", to="447700900001", sender="acme", text="x", klass=int(MessageClass.MARKETING),
        created_ms=0, expires_ms=10**9, encoding="gsm7", segments=1, country="GB", network="",
    )  # fmt: skip
    traffic.add(
        [Outgoing(make_id(n, 0, n.to_bytes(10, "big")), 1, MessageClass.MARKETING, body) for n in range(20 * SPEED)], late.now_s
    )
    while late.now_s < 1_015.0:
        late.now_s = min(late.now_s + 0.05, max(late.now_s + 0.001, traffic.next_due_s(late.now_s)))
        traffic.pump(late.now_s)
    assert len(late.left_us) > 8 * SPEED
    assert first_excess(late.left_us, SPEED) is None
