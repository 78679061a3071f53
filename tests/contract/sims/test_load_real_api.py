"""The load generator against the REST API itself, over a journal in memory."""

import itertools
import time

import pytest
import uvicorn

from router.api.app import create_app
from router.api.local import LocalFront
from router.journal.memory import MemoryJournal
from router.keys import make_key
from router.settings import CarrierProfile, Settings, Tenant
from router.terms import Terms
from sims.load.engine import Generator
from sims.load.options import LoadOptions

KEY, RECORD = make_key(b"k" * 38, "acme", ("send", "read"))
NARROW_KEY, NARROW = make_key(b"n" * 38, "narrow", ("send", "read"))
SETTINGS = Settings(
    tenants=(Tenant(id="acme", rate_mps=1_000_000, burst=1_000_000), Tenant(id="narrow", rate_mps=50, burst=5)),
    keys=(RECORD, NARROW),
    carriers=(CarrierProfile(name="one", addresses=("127.0.0.1:1",), system_id="x"),),
)


@pytest.fixture
async def url():
    chance = itertools.count(1)

    def now_ms():
        return time.time_ns() // 1_000_000

    front = LocalFront(
        MemoryJournal(now_ms),
        Terms.compile(SETTINGS, secret=b"s"),
        now_ms=now_ms,
        monotonic_s=time.perf_counter,
        entropy=lambda octets: b"".join(next(chance).to_bytes(10, "big") for _ in range(-(-octets // 10)))[:octets],
    )
    config = uvicorn.Config(create_app(front), host="127.0.0.1", port=0, log_level="warning", lifespan="off", ws="none")
    server = uvicorn.Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.force_exit = True
    await server.shutdown()


@pytest.mark.parametrize("form", ["json", "msgpack"])
@pytest.mark.parametrize("mode", ["single", "batch"])
async def test_the_api_takes_everything_that_the_generator_makes(url, mode, form):
    lengths = {"short": 0.4, "long": 0.3, "unicode": 0.3}
    options = LoadOptions(
        url=url, key=KEY, count=300, rate_mps=5_000, mode=mode, batch=60, format=form, lengths=lengths, connections=4, retry=True
    )
    result = await Generator(options).run()
    assert not result.refused
    assert not result.errors
    assert (result.sent, result.accepted) == (300, 300)
    assert result.requests == (300 if mode == "single" else 5)


async def test_a_tenant_over_its_limit_is_pushed_back_and_told_so(url):
    result = await Generator(LoadOptions(url=url, key=NARROW_KEY, count=100, rate_mps=2_000, connections=4)).run()
    assert 0 < result.accepted < 100
    assert set(result.refused) == {(429, "rate_limited")}
    assert result.refused_total + result.accepted == 100
    patient = LoadOptions(url=url, key=NARROW_KEY, count=12, rate_mps=2_000, connections=4, retry=True, retry_limit=50)
    result = await Generator(patient).run()
    assert result.accepted == 12


async def test_polling_reads_the_api_s_own_pages(url):
    # nothing carries these messages, so none becomes final: all are followed to the deadline, in pages and one by one
    for count in (40, 700):
        options = LoadOptions(
            url=url, key=KEY, count=count, rate_mps=50_000, mode="batch", batch=100, follow=True, follow_timeout_s=0.9
        )
        result = await Generator(options).run()
        assert (result.accepted, result.finished, result.lost) == (count, 0, count)


async def test_a_wrong_key_is_a_refusal(url):
    result = await Generator(LoadOptions(url=url, key="tl_wrong", count=3, rate_mps=100, connections=1)).run()
    assert {status for status, _ in result.refused} == {401}
