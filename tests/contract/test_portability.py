"""Look-ups of networks, against a real HTTP server."""

import asyncio
import time

import pytest
from aiohttp import web

from actors.exposition import Totals
from actors.metrics import Metrics, snapshot
from actors.networks import Networks
from carriers.portability import FAILURES, PAUSE_S, HttpLookup
from router.portability import UNKNOWN, Fate
from router.rule_settings import Portability

NUMBER = "447700900123"


class Service:
    """A look-up service that can be told how to behave; ``seen`` are its requests."""

    def __init__(self):
        self.seen = []
        self.at_once = self.most_at_once = 0
        self.answer = lambda _: web.json_response({"data": {"network": "23410"}})
        self.gate = None
        self.held = ""  # the only number that the gate holds up; "": all

    async def handle(self, request):
        self.seen.append(request)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if self.gate is not None and self.held in {"", request.match_info["number"]}:
                await self.gate.wait()
            await asyncio.sleep(0)
            return self.answer(request.match_info["number"])
        finally:
            self.at_once -= 1


@pytest.fixture
async def service():
    made = Service()
    app = web.Application()
    app.router.add_get("/v1/{number}", made.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}/v1/{{number}}?key=a%2Bb"
    yield made
    await runner.cleanup()


@pytest.fixture
async def lookup(service):
    made = []

    def put(**changes):
        settings = Portability(**({"url": service.url, "answer": ("data.network",), "timeout_s": 5} | changes))
        made.append(HttpLookup(settings, lambda: clock[0]))
        return made[-1]

    clock = [0.0]
    put.clock = clock
    yield put
    for one in made:
        await one.close()


async def test_each_number_gets_its_answer(service, lookup):
    service.answer = lambda number: web.json_response({"data": {"network": f"2341{number[-1]}"}})
    numbers = [f"44770090012{digit}" for digit in range(10)]
    assert await lookup(headers={"x-token": "t"}).lookup(numbers) == [f"2341{digit}" for digit in range(10)]
    assert service.seen[0].headers["x-token"] == "t"
    assert service.seen[0].raw_path.endswith("?key=a%2Bb")


@pytest.mark.parametrize(
    ("answer", "network"),
    [
        (lambda _: web.Response(status=404), UNKNOWN),
        (lambda _: web.json_response({}), UNKNOWN),
        (lambda _: web.Response(status=500), None),
        (lambda _: web.Response(status=302, headers={"location": "http://127.0.0.1:1/"}), None),
        (lambda _: web.Response(text="no json"), None),
        (lambda _: web.Response(text="[" * 10_000), None),
        (lambda _: web.Response(text='"' + "x" * 100_000 + '"'), None),
    ],
)
async def test_what_is_no_answer_and_what_says_that_nothing_is_known(service, lookup, answer, network):
    service.answer = answer
    one = lookup()
    assert await one.lookup([NUMBER]) == [network]
    assert +one.fates == {Fate.FAILED if network is None else Fate.UNKNOWN: 1}


async def test_nobody_waits_longer_than_the_time_out(service, lookup):
    service.gate = asyncio.Event()
    began_s = time.monotonic()
    one = lookup(timeout_s=0.1, concurrency=2)
    assert await one.lookup([NUMBER] * 6) == [None] * 6
    assert +one.fates == {Fate.TIMED_OUT: 6}
    assert time.monotonic() - began_s < 2.0
    assert len(service.seen) == 2, "only as many as may be under way at once"


async def test_what_came_in_time_counts_although_others_are_late(service, lookup):
    service.gate, service.held = asyncio.Event(), "447700900124"
    one = lookup(timeout_s=2)
    assert await one.lookup([NUMBER, service.held]) == ["23410", None]
    assert +one.fates == {Fate.FOUND: 1, Fate.TIMED_OUT: 1}


async def test_requests_are_bounded(service, lookup):
    assert None not in await lookup(concurrency=3).lookup([NUMBER] * 20)
    assert service.most_at_once <= 3


async def test_a_silent_service_is_left_alone_for_a_while(service, lookup):
    service.answer = lambda _: web.Response(status=503)
    one = lookup()
    assert await one.lookup([NUMBER] * FAILURES) == [None] * FAILURES
    assert await one.lookup([NUMBER]) == [None]
    assert len(service.seen) == FAILURES
    lookup.clock[0] += PAUSE_S
    service.answer = lambda _: web.json_response({"data": {"network": "23410"}})
    assert await one.lookup([NUMBER]) == ["23410"]
    assert +one.fates == {Fate.FAILED: FAILURES, Fate.SKIPPED: 1, Fate.FOUND: 1}


async def test_nobody_listens(lookup):
    assert await lookup(url="http://127.0.0.1:1/{number}").lookup([NUMBER]) == [None]


async def test_a_dispatcher_asks_once_for_each_number_and_only_where_it_is_told(service):
    networks = Networks(metrics := Metrics("dispatcher"))
    assert networks.known(NUMBER, "GB") == UNKNOWN, "nobody is asked"
    await networks.retune(Portability(url=service.url, answer=("data.network",), countries=("GB",), timeout_s=5))
    try:
        assert networks.known("4915112345678", "DE") == UNKNOWN
        assert networks.known(NUMBER, "GB") is None
        assert networks.remembered(NUMBER, "GB") == UNKNOWN
        await networks.ask([NUMBER, NUMBER])
        assert len(service.seen) == 1
        assert (networks.known(NUMBER, "GB"), networks.waiting) == ("23410", 0)
        service.answer = lambda _: web.Response(status=503)
        await networks.ask(["447700900124"])
        assert networks.known("447700900124", "GB") is None, "no answer is not remembered as one"
        networks.gauges()
    finally:
        await networks.close()
    totals = Totals()
    totals.take({"dispatcher": snapshot(metrics)})
    asked = {fate: totals.value("trunkline_portability_lookups", fate) for fate in Fate}
    assert asked == dict.fromkeys(Fate, 0.0) | {Fate.FOUND: 1.0, Fate.FAILED: 1.0}
    assert totals.value("trunkline_portability_remembered") == 1, "what was just asked for is no memory"
    assert totals.value("trunkline_portability_numbers_kept") == 1
    assert totals.value("trunkline_portability_duration_seconds") == 2
