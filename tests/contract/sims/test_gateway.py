"""A gateway against the SMSC simulator: what it sends, what it hears, what it does when pushed back or cut."""

import asyncio
import subprocess
import sys

import pytest

from sims.gateway.engine import Gateway
from sims.gateway.lines import TargetRefused
from sims.gateway.options import GatewayOptions
from sims.load.options import InvalidOptions
from sims.smsc.options import SmscOptions
from sims.smsc.server import Smsc
from sims.smsc.temperament import Temperament

CALM = Temperament(answer_median_s=0.001, receipt_median_s=0.01)


@pytest.fixture
async def smsc():
    server = Smsc(SmscOptions(accounts={"gw": "secret"}, track=True), CALM)
    await server.start()
    yield server
    await server.stop()


def options(smsc, **changes):
    values = {"address": f"127.0.0.1:{smsc.port}", "system_id": "gw", "password": "secret", "rate_mps": 0, "count": 200}
    return GatewayOptions(**(values | changes))


async def test_everything_sent_is_accepted_and_followed_to_its_receipt(smsc):
    gateway = Gateway(options(smsc, sessions=2))
    result = await gateway.run()
    assert (result.sent, result.accepted, result.lost, result.unsent) == (200, 200, 0, 0)
    assert result.final["delivered"] == 200
    assert smsc.stats.submits > 200  # long ones have several parts
    assert result.accept_all().count == 200


async def test_transmitter_and_receiver_are_two_sessions(smsc):
    result = await Gateway(options(smsc, bind="transmitter_receiver", count=20)).run()
    assert result.final["delivered"] == 20
    assert smsc.stats.binds == {"transmitter": 1, "receiver": 1}


async def test_the_same_seed_sends_the_same(smsc):
    for _ in range(2):
        await Gateway(options(smsc, count=30, lengths={"short": 1})).run()
    sent = [(arrived.destination, arrived.octets) for arrived in smsc.inbox.recent]
    assert len(sent) == 60
    assert sorted(sent[:30]) == sorted(sent[30:])


async def test_what_is_throttled_comes_again(smsc):
    smsc.set_temperament(throttle_mps=30)
    result = await Gateway(options(smsc, count=60, retry=True, lengths={"short": 1})).run()
    assert result.pushed_back[0x58] > 0
    assert result.final["delivered"] == 60


async def test_parts_that_are_throttled_come_again_and_make_one_message(smsc):
    smsc.set_temperament(throttle_mps=30)
    result = await Gateway(options(smsc, count=25, retry=True, lengths={"long": 1})).run()
    assert result.pushed_back[0x58] > 0
    assert result.final["delivered"] == 25
    assert smsc.inbox.messages == 25


async def test_without_retry_what_is_throttled_is_told(smsc):
    smsc.set_temperament(throttle_mps=5)
    result = await Gateway(options(smsc, count=40, lengths={"short": 1}, follow_timeout_s=5)).run()
    assert result.refused_total + result.accepted == 40
    assert result.refused_total > 0


async def test_a_cut_session_is_bound_again(smsc):
    gateway = Gateway(options(smsc, rate_mps=200, count=300, retry=True, lengths={"short": 1}))
    task = asyncio.create_task(gateway.run())
    async with asyncio.timeout(10):
        while gateway.result.accepted < 50:
            await asyncio.sleep(0.01)
    smsc.office.cut_all()
    smsc._attend()
    result = await task
    assert result.accepted == 300
    assert smsc.stats.binds["transceiver"] == 2


async def test_a_refused_bind_is_told(smsc):
    with pytest.raises(TargetRefused, match="ESME_RINVPASWD"):
        await Gateway(options(smsc, password="wrong")).run()


async def test_nobody_listening_is_told():
    with pytest.raises(TargetRefused, match="no connection"):
        await Gateway(GatewayOptions(address="127.0.0.1:1", count=1)).run()


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"count": 0}, "count or duration"),
        ({"address": "example.com:2775"}, "not this machine"),
        ({"address": "nowhere"}, "host:port"),
        ({"sessions": 0}, "sessions"),
        ({"window": 0}, "window"),
        ({"priorities": {"otp": 256}}, "priorities"),
        ({"bind": "both"}, "bind"),
    ],
)
def test_what_cannot_be_run_is_named(changes, names):
    with pytest.raises(InvalidOptions, match=names):
        GatewayOptions(**({"count": 1} | changes))


async def test_the_program_tells_its_result(smsc, tmp_path):
    file = tmp_path / "result.json"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sims.gateway", "--address", f"127.0.0.1:{smsc.port}", "--system-id", "gw"),
        *("--password", "secret", "--rate", "200", "--count", "20", "--json", str(file)),
        stdout=subprocess.PIPE,
    )
    out, _ = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 0
    assert b"accepted" in out
    assert '"accepted": 20' in file.read_text("utf-8")
