"""The SMSC simulator as a program."""

import asyncio
import json
import signal
import sys
from pathlib import Path

import aiohttp

from carriers.smpp import commands as c
from tests.contract.sims.esme import Esme

ROOT = Path(__file__).parents[3]


async def test_as_a_program_it_tells_its_ports_and_stops_on_sigterm(tmp_path):
    script = tmp_path / "bad-day.toml"
    script.write_text('preset = "calm"\n[temperament]\nthrottle_mps = 1\n')
    words = ["--port", "0", "--script", str(script), "--set", "answer_median_s=0", "--account", "acme:secret", "--track"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sims.smsc", *words, stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    line = (await asyncio.wait_for(process.stdout.readline(), 30)).decode()
    word, smpp, control = line.split()
    assert word == "listening"
    ports = {name: int(port) for name, port in (smpp.split("="), control.split("="))}
    esme = await Esme.bound(ports["smpp"])
    esme.submit(2)
    assert sorted(status for status, _ in await esme.answers(2)) == [0, c.RTHROTTLED]
    async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{ports['control']}/stats") as answer:
        assert json.loads(await answer.text())["throttled"] == 1
    process.send_signal(signal.SIGTERM)
    assert (await esme.next())[0] == c.UNBIND  # it takes its leave
    await esme.close()
    assert await asyncio.wait_for(process.wait(), 10) == 0


async def test_as_a_program_it_says_what_is_wrong():
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sims.smsc", "--port", "0", "--set", "mood=bad", stderr=asyncio.subprocess.PIPE, cwd=ROOT
    )
    _, said = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 2
    assert b"mood" in said
