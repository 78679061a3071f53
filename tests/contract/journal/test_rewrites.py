"""The embedded server's file is written afresh when much was written since, and not too often."""

import asyncio
import contextlib
import os
import time
from pathlib import Path

import pytest
from redis.asyncio import Redis

from actors.journal import EmbeddedServer, rewrites
from actors.processes import descendants

MEGA = 1 << 20
CALM = {"aof_rewrite_in_progress": 0, "aof_rewrite_scheduled": 0, "aof_last_rewrite_time_sec": -1, "aof_base_size": 0}


@pytest.mark.parametrize(
    ("changed", "since_s", "due"),
    [
        ({"aof_current_size": 16 * MEGA}, 0.0, True),
        ({"aof_current_size": 16 * MEGA - 1}, 1e6, False),
        ({"aof_current_size": 100 * MEGA, "aof_base_size": 90 * MEGA}, 1e6, False),
        ({"aof_current_size": 100 * MEGA, "aof_last_rewrite_time_sec": 1}, 39.0, False),
        ({"aof_current_size": 100 * MEGA, "aof_last_rewrite_time_sec": 1}, 40.0, True),
        ({"aof_current_size": 100 * MEGA, "aof_rewrite_in_progress": 1}, 1e6, False),
        ({"aof_current_size": 100 * MEGA, "aof_rewrite_scheduled": 1}, 1e6, False),
    ],
)
def test_it_is_due_when_it_shortens_a_start_and_costs_a_twentieth_of_the_time(changed, since_s, due):
    assert rewrites.is_due(CALM | changed, since_s) is due


async def test_a_file_that_has_grown_is_written_afresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rewrites, "INCREMENT", 100_000)
    server = EmbeddedServer(tmp_path, maxmemory=64 * MEGA)
    await server.start()
    client = Redis.from_url(server.url)
    watching = rewrites.Rewrites(server)
    try:
        assert await watching.look() is False  # nothing is written yet
        for _ in range(200):
            await client.set("k", b"x" * 1_000)
        (base,) = (tmp_path / "data").glob("*/*.base.*")
        os.utime(base, (time.time() - 60, time.time() - 60))
        assert await watching.look() is True
        for writer in descendants(server.pid()):  # unless it has ended already
            with contextlib.suppress(ProcessLookupError):
                assert os.getpriority(os.PRIO_PROCESS, writer) == rewrites.NICENESS
        async with asyncio.timeout(20):
            while (found := await client.info("persistence"))["aof_current_size"] > 50_000 or found["aof_rewrite_in_progress"]:
                await asyncio.sleep(0.02)
        assert await client.get("k") == b"x" * 1_000
        await server.stop()
        assert await watching.look() is False  # and does not mind that nobody answers
    finally:
        await watching.close()
        await client.aclose()
        await server.stop()
