"""A journal's servers as an operator keeps them: a primary, two replicas, and a Sentinel that sees the primary over a cable."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis.asyncio as redis

from actors.cli.system import free_port  # below the ports that the kernel hands out to others meanwhile
from actors.journal import EmbeddedServer
from actors.journal.server import find_binary

MEMORY = 64 << 20
DOWN_AFTER_MS = 3_000


class Cable:
    """A port of the loopback interface that leads to another one, until it is cut: then nothing comes through, and nobody is told."""

    def __init__(self, port: int) -> None:
        self._to = port
        self.port = 0
        self._whole = asyncio.Event()
        self._whole.set()
        self._server: asyncio.Server
        self._lines: set[asyncio.Task[None]] = set()

    async def lay(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._whole.wait()
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._to)
        except OSError:
            writer.close()
            return
        for source, sink in ((reader, far_writer), (far_reader, writer)):
            task = asyncio.create_task(self._carry(source, sink))
            self._lines.add(task)
            task.add_done_callback(self._lines.discard)

    async def _carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while octets := await source.read(65_536):
                await self._whole.wait()
                sink.write(octets)
                await sink.drain()
        sink.close()

    def cut(self) -> None:
        self._whole.clear()

    def mend(self) -> None:
        self._whole.set()

    async def remove(self) -> None:
        self._server.close()
        for task in list(self._lines):
            task.cancel()
        await asyncio.gather(*self._lines, return_exceptions=True)


@dataclass
class Trio:
    """The servers, how to reach them, and the cable to the one that is the primary at first."""

    servers: list[EmbeddedServer]
    ports: list[int]
    cable: Cable
    sentinel: int

    @property
    def url(self) -> str:
        return f"sentinel://127.0.0.1:{self.sentinel}/journal"

    async def ask(self, *words: str) -> object:
        client = redis.Redis(port=self.sentinel, protocol=2, decode_responses=True)
        try:
            return await client.execute_command("SENTINEL", *words)
        finally:
            await client.aclose()

    async def primary(self) -> int:
        """The port that Sentinel names."""
        _, port = await self.ask("GET-MASTER-ADDR-BY-NAME", "journal")  # type: ignore[misc]  # a pair
        return int(port)


def server(folder: Path, port: int, *extra: str) -> EmbeddedServer:
    words = ("--port", str(port), "--bind", "127.0.0.1", "--repl-diskless-sync-delay", "0", "--min-replicas-to-write", "1")
    return EmbeddedServer(folder, maxmemory=MEMORY, extra=(*words, *extra))


@pytest.fixture
async def trio(tmp_path: Path) -> AsyncIterator[Trio]:
    ports = [free_port() for _ in range(4)]
    cable = Cable(ports[0])
    await cable.lay()
    copies = ("--replicaof", "127.0.0.1", str(cable.port))
    servers = [server(tmp_path / f"server-{at}", port, *(copies if at else ())) for at, port in enumerate(ports[:3])]
    lines = [f"port {ports[3]}", "bind 127.0.0.1", f"dir {tmp_path}", f"sentinel monitor journal 127.0.0.1 {cable.port} 1"]
    lines += [f"sentinel down-after-milliseconds journal {DOWN_AFTER_MS}", "sentinel failover-timeout journal 10000"]
    config = tmp_path / "sentinel.conf"
    config.write_text("\n".join(lines) + "\n")
    process = None
    try:
        for one in servers:
            await one.start()
        process = await asyncio.create_subprocess_exec(
            str(find_binary()), str(config), "--sentinel", stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )
        yield Trio(servers, ports[:3], cable, ports[3])
    finally:
        cable.mend()
        if process is not None:
            process.terminate()
            await process.wait()
        for one in servers:
            await one.stop()
        await cable.remove()
