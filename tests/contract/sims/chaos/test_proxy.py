"""The chaos proxy over real sockets: each toxic does what it says, can be set and taken away, and is physics."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from time import monotonic

import pytest

from sims.chaos.proxy import Proxy
from sims.chaos.toxics import Bandwidth, Latency, LimitData, ResetPeer, Slicer, SlowClose, Stall, Timeout

SOON_S = 10.0
Wire = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def soon(work: Awaitable):
    return await asyncio.wait_for(work, SOON_S)


async def until(look: Callable[[], object]) -> None:
    deadline_s = monotonic() + SOON_S
    while not look():
        assert monotonic() < deadline_s
        await asyncio.sleep(0.005)


class Echo:
    """A server that sends back what comes, and notes how connections end."""

    def __init__(self) -> None:
        self.ends: list[str] = []
        self.heard = b""
        self.open = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        end = "closed"
        try:
            while octets := await reader.read(65_536):
                self.heard += octets
                writer.write(octets)
                await writer.drain()
        except ConnectionError:
            end = "reset"
        self.ends.append(end)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        self.open -= 1


@asynccontextmanager
async def proxied(*, unix: str = "") -> AsyncIterator[tuple[Proxy, Echo]]:
    echo = Echo()
    if unix:
        server = await asyncio.start_unix_server(echo.serve, unix + ".up")
        upstream = unix + ".up"
    else:
        server = await asyncio.start_server(echo.serve, "127.0.0.1", 0)
        upstream = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    proxy = Proxy(upstream, seed=3)
    await proxy.start(unix)
    try:
        yield proxy, echo
    finally:
        await proxy.stop()
        await until(lambda: not echo.open)
        server.close()
        await server.wait_closed()


@asynccontextmanager
async def client(proxy: Proxy) -> AsyncIterator[Wire]:
    if proxy.address.startswith("/"):
        reader, writer = await asyncio.open_unix_connection(proxy.address)
    else:
        host, _, port = proxy.address.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def told(wire: Wire, octets: bytes) -> float:
    """Seconds until they came back."""
    began_s = monotonic()
    wire[1].write(octets)
    assert await soon(wire[0].readexactly(len(octets))) == octets
    return monotonic() - began_s


@pytest.mark.parametrize("unix", [False, True])
async def test_without_toxics_everything_passes(unix, tmp_path):
    async with proxied(unix=str(tmp_path / "s") if unix else "") as (proxy, echo):
        async with client(proxy) as wire:
            await told(wire, b"hello")
            await told(wire, bytes(range(256)) * 16_384)  # 4 MB: more than the proxy holds
            assert len(proxy.links) == 1
        await until(lambda: echo.ends == ["closed"])
        await until(lambda: not proxy.links)


async def test_latency_is_set_and_taken_away_at_run_time():
    async with proxied() as (proxy, _), client(proxy) as wire:
        await told(wire, b"quick")
        proxy.add("late", Latency(latency_s=0.2), "up")
        proxy.add("late too", Latency(latency_s=0.2, jitter_s=0.05), "down")
        assert await told(wire, b"slow") >= 0.35
        proxy.remove("late")
        assert await told(wire, b"less slow") >= 0.15
        proxy.clear()
        assert await told(wire, b"quick again") < 0.15


async def test_a_stall_holds_everything_and_loses_nothing():
    async with proxied() as (proxy, echo), client(proxy) as wire:
        await told(wire, b"before")
        proxy.add("stall", Stall(), "up")
        wire[1].write(b"held")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(wire[0].read(1), 0.2)
        assert echo.heard == b"before"
        proxy.clear()
        assert await soon(wire[0].readexactly(4)) == b"held"


async def test_half_open_the_server_goes_on_and_the_client_is_not_told():
    async with proxied() as (proxy, echo), client(proxy) as wire:
        await told(wire, b"before")
        proxy.add("half", Stall(), "down")
        wire[1].write(b"heard")
        await until(lambda: echo.heard.endswith(b"heard"))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(wire[0].read(1), 0.2)


async def test_a_stalled_link_hides_the_end_from_the_server():
    async with proxied() as (proxy, echo):
        async with client(proxy) as wire:
            await told(wire, b"before")
            proxy.add("stall", Stall(), "up")
        await asyncio.sleep(0.1)
        assert echo.ends == []
        proxy.clear()
        await until(lambda: echo.ends == ["closed"])


async def test_a_limit_ends_the_connection_in_the_midst():
    async with proxied() as (proxy, echo), client(proxy) as wire:
        proxy.add("limit", LimitData(octets=10), "up")
        wire[1].write(bytes(25))
        await until(lambda: echo.ends)
        assert echo.heard == bytes(10)
        assert bytes(10).startswith(await soon(wire[0].read()))  # what came back before the end


@pytest.mark.parametrize("toxic", [LimitData(octets=3, reset=True), ResetPeer(after_s=0.05)])
async def test_a_reset_is_a_reset_on_both_sides(toxic):
    async with proxied() as (proxy, echo), client(proxy) as wire:
        await told(wire, b"a")
        proxy.add("reset", toxic, "up")
        wire[1].write(b"abcdef")
        with pytest.raises(ConnectionResetError):
            await soon(wire[0].read(-1))
        await until(lambda: echo.ends == ["reset"])


async def test_a_timeout_passes_nothing_and_then_closes():
    async with proxied() as (proxy, echo), client(proxy) as wire:
        await told(wire, b"a")
        proxy.add("timeout", Timeout(after_s=0.2), "down")
        began_s = monotonic()
        wire[1].write(b"b")
        assert await soon(wire[0].read()) == b""
        assert monotonic() - began_s >= 0.19
        await until(lambda: echo.ends)


async def test_a_slow_drip_comes_in_pieces():
    async with proxied() as (proxy, _), client(proxy) as wire:
        proxy.add("slices", Slicer(size=3, variation=2), "down")
        proxy.add("slow", Bandwidth(octets_per_s=1_000), "down")
        wire[1].write(bytes(300))
        began_s, sizes = monotonic(), []
        while sum(sizes) < 300:
            sizes.append(len(await soon(wire[0].read(300))))
        assert monotonic() - began_s >= 0.25
        assert len(sizes) > 5


async def test_a_slow_close_comes_later_than_what_was_said():
    async with proxied() as (proxy, echo):
        proxy.add("linger", SlowClose(delay_s=0.3), "up")
        async with client(proxy) as wire:
            await told(wire, b"last")
        began_s = monotonic()
        await until(lambda: echo.ends)
        assert monotonic() - began_s >= 0.25


async def test_toxicity_is_a_share_of_the_connections():
    async with proxied() as (proxy, _):
        proxy.add("limit", LimitData(octets=1), "up", toxicity=0.5)
        whole = 0
        for _ in range(60):
            async with client(proxy) as wire:
                wire[1].write(b"abc")
                with suppress(ConnectionError):
                    whole += len(await soon(wire[0].read(3))) == 3
        assert 10 <= whole <= 50


async def test_every_connection_can_be_cut_at_once():
    async with proxied() as (proxy, echo), client(proxy) as one, client(proxy) as other:
        await told(one, b"a")
        await told(other, b"b")
        assert proxy.cut_all(reset=True) == 2
        for wire in (one, other):
            with pytest.raises(ConnectionResetError):
                await soon(wire[0].read(1))
        await until(lambda: echo.ends == ["reset", "reset"])


async def test_a_server_that_is_away_ends_the_connection():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        proxy = Proxy(f"127.0.0.1:{taken.getsockname()[1]}")  # bound, and nobody listens
        await proxy.start()
        try:
            async with client(proxy) as wire:
                assert await soon(wire[0].read()) == b""
        finally:
            await proxy.stop()


async def test_the_tap_sees_what_clients_write_before_any_toxic():
    seen: list[tuple[int, bytes]] = []
    async with proxied() as (proxy, _):
        proxy.tap = lambda link, octets, _: seen.append((link.number, octets))
        proxy.add("stall", Stall(), "up")
        async with client(proxy) as wire:
            wire[1].write(b"abc")
            await until(lambda: seen)
    assert seen == [(1, b"abc")]
