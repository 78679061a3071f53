"""The proxy between what it is for: a real journal's server, and a real SMPP session."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from time import monotonic

import pytest

from actors.journal import EmbeddedServer
from actors.journal.link import Link
from router.journal.port import JournalUnavailable
from sims.chaos.proxy import Proxy
from sims.chaos.speedometer import SubmitCounter
from sims.chaos.toxics import Bandwidth, LimitData, Slicer, Stall
from sims.gateway.engine import Gateway
from sims.gateway.options import GatewayOptions
from sims.smsc.options import SmscOptions
from sims.smsc.server import Smsc

SOON_S = 15.0


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[tuple[Proxy, Link]]:
    server = EmbeddedServer(tmp_path / "journal")
    await server.start()
    proxy = Proxy(str(server.socket_path), seed=1)
    link = Link(f"unix://{await proxy.start(str(tmp_path / 'proxy'))}")
    try:
        yield proxy, link
    finally:
        await link.close()
        await proxy.stop()
        await server.stop()


async def test_a_journals_link_that_is_cut_in_the_midst_says_so_and_mends(journal: tuple[Proxy, Link]) -> None:
    proxy, link = journal
    await link.command("SET", "a", "1")
    proxy.add("cut", LimitData(octets=500), "up")
    with pytest.raises(JournalUnavailable):
        await link.command("SET", "b", b"x" * 5_000)
    proxy.clear()
    assert await link.command("GET", "a") == b"1"
    assert await link.command("GET", "b") is None  # half a command is none


async def test_a_journals_link_that_stalls_loses_nothing(journal: tuple[Proxy, Link]) -> None:
    proxy, link = journal
    await link.command("SET", "a", "1")
    proxy.add("stall", Stall(), "down")
    waiting = asyncio.create_task(link.command("INCR", "a"))
    done, _ = await asyncio.wait({waiting}, timeout=0.3)
    assert not done
    proxy.clear()
    assert await asyncio.wait_for(waiting, SOON_S) == 2


async def test_an_smpp_session_works_over_a_link_that_drips() -> None:
    smsc = Smsc(SmscOptions(port=0, accounts={"me": "secret"}))
    seen = {"submits": 0, "octets": 0}
    counters: dict[int, SubmitCounter] = {}
    proxy = Proxy(f"127.0.0.1:{await smsc.start()}", seed=1)
    proxy.tap = lambda link, octets, _: seen.update(
        submits=seen["submits"] + counters.setdefault(link.number, SubmitCounter()).count(octets),
        octets=seen["octets"] + len(octets),
    )
    proxy.add("slices", Slicer(size=5, variation=4), "up")
    proxy.add("slices back", Slicer(size=5, variation=4), "down")
    proxy.add("slow", Bandwidth(octets_per_s=20_000), "up")
    began_s = monotonic()
    try:
        address = await proxy.start()
        options = GatewayOptions(
            address=address, system_id="me", password="secret", rate_mps=0, count=40, receipts=False, lengths={"short": 1.0}
        )
        result = await asyncio.wait_for(Gateway(options).run(), SOON_S)
        assert result.accepted == 40
        assert seen["submits"] == 40 == smsc.stats.submits
        assert monotonic() - began_s >= 0.5 * seen["octets"] / 20_000
    finally:
        await proxy.stop()
        await smsc.stop()
