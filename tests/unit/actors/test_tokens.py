"""A front's asks of the limiters: together where they may wait, at once where a tenant's tokens are about to end."""

import asyncio

import msgpack
import pytest

from actors import tokens
from actors.tokens import TokenDesk
from router.limits import Admitted, Allowance, Ask
from router.settings import Settings, Tenant

US = 1_000_000
CALM = [Tenant(id=f"calm-{number}", rate_mps=10, burst=100) for number in range(50)]
HURRIED = Tenant(id="hurried", rate_mps=1_000, burst=10)  # ten milliseconds' worth
BURSTING = Tenant(id="bursting", rate_mps=1, burst=100)
QUICK_S = 5.0


class Shard:
    """A limiter that grants; notes who asked in each call."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.asked = asyncio.Event()

    async def lease(self, limiter: str, octets: bytes) -> bytes:
        asks = msgpack.unpackb(octets)
        self.calls.append([tenant for tenant, _ in asks])
        self.asked.set()
        return msgpack.packb([Allowance(10, 100).lease(Ask(*ask), US) for _, ask in asks])


def desk(shard: Shard) -> TokenDesk:
    made = TokenDesk("front:#0", shard, lambda work: asyncio.get_running_loop().create_task(work))
    made.retune(Settings(tenants=(*CALM, HURRIED, BURSTING)))
    return made


async def spend(front: TokenDesk, tenants: list[Tenant]) -> None:
    for tenant in tenants:
        assert isinstance(front.admit(tenant.id, 1, 0, US), Admitted)
        await asyncio.sleep(0)  # each in a request of its own


async def test_many_tenants_share_a_call(monkeypatch):
    monkeypatch.setattr(tokens, "GATHER_S", 0.2)  # so long that a slow machine does not end it
    shard = Shard()
    await spend(desk(shard), CALM)
    assert shard.calls == []
    await asyncio.wait_for(shard.asked.wait(), QUICK_S)
    assert shard.calls == [[tenant.id for tenant in CALM]]


async def test_one_whose_tokens_end_soon_waits_for_nobody(monkeypatch):
    monkeypatch.setattr(tokens, "GATHER_S", 600.0)
    shard = Shard()
    front = desk(shard)
    await spend(front, CALM[:3])
    assert shard.calls == []
    await spend(front, [HURRIED])
    await asyncio.wait_for(shard.asked.wait(), QUICK_S)
    assert shard.calls == [[*(tenant.id for tenant in CALM[:3]), "hurried"]]


async def test_a_burst_waits_for_nobody(monkeypatch):
    monkeypatch.setattr(tokens, "GATHER_S", 600.0)
    shard = Shard()
    front = desk(shard)
    front.admit(BURSTING.id, 40, 0, US)
    await asyncio.sleep(0)
    assert shard.calls == []
    front.admit(BURSTING.id, 40, 0, US)
    await asyncio.wait_for(shard.asked.wait(), QUICK_S)
    assert shard.calls == [["bursting"]]


@pytest.mark.parametrize("hurried", [False, True])
async def test_asks_that_come_during_a_call_form_the_next_one(monkeypatch, hurried):
    monkeypatch.setattr(tokens, "GATHER_S", 0.0)
    shard = Shard()
    front = desk(shard)
    await spend(front, [CALM[0]])
    await asyncio.wait_for(shard.asked.wait(), QUICK_S)
    shard.asked.clear()
    await spend(front, [HURRIED] if hurried else [CALM[1]])
    await asyncio.wait_for(shard.asked.wait(), QUICK_S)
    assert [len(call) for call in shard.calls] == [1, 1]
