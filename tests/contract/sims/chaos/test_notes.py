"""What load generator and simulator write down: enough to follow every message from its key to its receipt."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest
from aiohttp import web

from sims.chaos.proxy import Proxy
from sims.gateway.engine import Gateway
from sims.gateway.options import GatewayOptions
from sims.load.command import run_async
from sims.load.options import LoadOptions
from sims.smsc.options import SmscOptions
from sims.smsc.server import Smsc
from sims.smsc.temperament import Temperament

SOON_S = 20.0


class Api:
    """Takes messages; the same key gets the same id, unless it is forgetful."""

    def __init__(self, *, forgetful: bool = False) -> None:
        self.forgetful = forgetful
        self.ids: dict[str, str] = {}
        self.keys: Counter[str] = Counter()

    async def post(self, request: web.Request) -> web.Response:
        key = request.headers["Idempotency-Key"]
        self.keys[key] += 1
        new = f"id-{sum(self.keys.values())}"
        message_id = new if self.forgetful else self.ids.setdefault(key, new)
        return web.json_response({"id": message_id, "status": "accepted"}, status=202)

    async def start(self) -> tuple[web.AppRunner, str]:
        app = web.Application()
        app.add_routes([web.post("/v1/messages", self.post)])
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return runner, f"http://127.0.0.1:{runner.addresses[0][1]}"


@pytest.mark.parametrize("forgetful", [False, True])
async def test_a_load_keeps_every_id_and_sends_some_again(tmp_path: Path, forgetful: bool) -> None:
    api = Api(forgetful=forgetful)
    runner, url = await api.start()
    record = tmp_path / "record"
    try:
        options = LoadOptions(url=url, key="tl_x", rate_mps=200, count=60, retry=True)
        result = await asyncio.wait_for(run_async(options, record=record, repeat=0.5), SOON_S)
    finally:
        await runner.cleanup()
    lines = [line.split() for line in record.read_text().splitlines()]
    assert result.accepted == 60
    assert {int(line[0]) for line in lines} == set(range(60))
    again = len(lines) - 60
    assert 10 < again < 50
    assert sum(api.keys.values()) == len(lines)
    ids = {(line[0], line[2]) for line in lines}
    assert len(ids) == (len(lines) if forgetful else 60)


async def test_a_simulator_keeps_submits_answers_receipts_and_their_acknowledgements(tmp_path: Path) -> None:
    diary = tmp_path / "diary"
    options = SmscOptions(port=0, accounts={"me": "secret"}, diary=str(diary))
    smsc = Smsc(options, Temperament(receipt_median_s=0.02, errors={"0x58": 0.2}))
    proxy = Proxy(f"127.0.0.1:{await smsc.start()}")
    try:
        gateway = GatewayOptions(
            address=await proxy.start(),
            system_id="me",
            password="secret",
            rate_mps=0,
            count=80,
            lengths={"short": 1, "unicode": 1},
        )
        result = await asyncio.wait_for(Gateway(gateway).run(), SOON_S)
    finally:
        await proxy.stop()
        await smsc.stop()
    lines = [line.split() for line in diary.read_text().splitlines()]
    kinds = Counter(line[0] for line in lines)
    taken = {line[1]: line[4] for line in lines if line[0] == "A" and line[3] == "0"}
    assert kinds["S"] == kinds["A"] == 80
    assert len(taken) == result.accepted < 80
    assert {line[1] for line in lines if line[0] == "R"} == set(taken.values()) == {line[1] for line in lines if line[0] == "K"}
    marks = [int(line[4]) for line in lines if line[0] == "S"]
    assert sorted(marks) == list(range(1, 81))  # each text tells its number in the run
    assert all(line[5:] == ["0", "1", "1"] for line in lines if line[0] == "S")
