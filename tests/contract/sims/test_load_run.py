"""The load generator against a small real server with faults and delays of its own."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections import Counter
from pathlib import Path

import aiohttp
import msgspec
import pytest
from aiohttp import web

from router.model import MessageClass
from router.webhooks import encode_secret
from router.webhooks import headers as sign_headers
from sims.load.command import run_async
from sims.load.engine import Generator
from sims.load.options import InvalidOptions, LoadOptions
from sims.load.pool import TargetUnreachable
from sims.load.record import Recording
from tests.listening import listening

ROOT = Path(__file__).parents[3]
SECRET = b"0123456789abcdef0123456789abcdef"


class Api:
    """Takes messages as the real API does, after ``delay_s``; ``answer`` may refuse."""

    def __init__(self):
        self.delay_s = 0.0
        self.pause_until_s = 0.0
        self.answers = []  # responses given before anything is taken
        self.keys = Counter()
        self.messages = {}
        self.serial = 0
        self.requests = 0
        self.events = []
        self.copies = 1
        self.secret = SECRET

    async def start(self):
        app = web.Application()
        app.add_routes(
            [
                web.post("/v1/messages", self.single),
                web.post("/v1/messages/batch", self.batch),
                web.get("/v1/messages", self.list),
                web.get("/v1/messages/{id}", self.get),
            ]
        )
        self.runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self.runner.addresses[0][1]}"
        self.session = aiohttp.ClientSession()
        return self

    async def stop(self):
        for task in self.events:
            await task
        await self.session.close()
        await self.runner.cleanup()

    async def _before(self, request):
        self.requests += 1
        self.keys[request.headers.get("Idempotency-Key", "")] += 1
        now_s = asyncio.get_running_loop().time()
        await asyncio.sleep(max(self.delay_s, self.pause_until_s - now_s))
        return self.answers.pop(0) if self.answers else None

    def _take(self, message):
        self.serial += 1
        message_id = f"{self.serial:026d}"
        self.messages[message_id] = message
        if "webhook_url" in message:
            self.events.append(asyncio.ensure_future(self._tell(message_id, message["webhook_url"])))
        return {"id": message_id, "status": "queued"}

    async def _tell(self, message_id, url):
        status = "delivered" if int(message_id) % 4 else "undelivered"
        body = json.dumps(
            {"id": "evt_" + message_id, "type": f"message.{status}", "data": {"id": message_id, "status": status}}
        ).encode()
        for _ in range(self.copies):
            headers = sign_headers([self.secret], "evt_" + message_id, 1_700_000_000, body)
            async with self.session.post(url, data=body, headers=headers) as answer:
                assert answer.status in (204, 401)

    async def single(self, request):
        refused = await self._before(request)
        assert request.headers["Authorization"] == "Bearer tl_key"
        return refused or web.json_response(self._take(msgspec.json.decode(await request.read())), status=202)

    async def batch(self, request):
        refused = await self._before(request)
        packed = request.content_type == "application/msgpack"
        messages = (msgspec.msgpack if packed else msgspec.json).decode(await request.read())["messages"]
        if refused:
            return refused
        data = [
            {"index": n, "error": {"status": 422, "code": "invalid_message"}} if n % 10 == 9 else {"index": n, **self._take(m)}
            for n, m in enumerate(messages)
        ]
        body = (msgspec.msgpack if packed else msgspec.json).encode({"data": data, "meta": {}})
        return web.Response(status=202, body=body, content_type=request.content_type)

    async def list(self, request):
        ids = sorted(self.messages)
        after = request.query.get("after", "")
        page = [i for i in ids if i > after][: int(request.query["limit"])]
        more = bool(page) and page[-1] != ids[-1]
        data = [{"id": i, "status": "delivered"} for i in page]
        return web.json_response({"data": data, "meta": {"has_more": more, "next_cursor": page[-1] if more else None}})

    async def get(self, request):
        return web.json_response({"id": request.match_info["id"], "status": "delivered"})


@pytest.fixture
async def api():
    server = await Api().start()
    yield server
    await server.stop()


def options(api, **more):
    return LoadOptions(url=api.url, key="tl_key", **{"count": 100, "rate_mps": 1_000, "connections": 8, **more})


def problem(status, code, **headers):
    return web.json_response(
        {"status": status, "code": code}, status=status, headers=headers, content_type="application/problem+json"
    )


async def test_every_message_is_sent_once_at_the_rate_asked_for(api):
    result = await Generator(options(api, count=300, rate_mps=600)).run()
    assert (result.sent, result.accepted, len(api.messages)) == (300, 300, 300)
    assert result.accept_all().count == 300
    assert not result.refused
    assert not result.errors
    assert result.unsent == 0
    assert 0.49 < result.elapsed_s < 5  # the last of 300 is due at 0.498 s, and none may leave before its time
    assert api.keys == {"": 300}
    classes = Counter(message["class"] for message in api.messages.values())
    assert {klass.word: result.accept[klass].count for klass in MessageClass} == classes


async def test_latency_counts_from_the_intended_time_and_not_from_the_write(api):
    # One connection, 20 ms an answer, 200/s asked for: each request waits for all before it. A generator that measures from
    # the write would say 20 ms for every one.
    api.delay_s = 0.02
    result = await Generator(options(api, count=40, rate_mps=200, connections=1)).run()
    accept = result.accept_all()
    # request k is due at 5k ms and cannot be answered before 20(k + 1) ms: the last is at least 605 ms late
    assert accept.max_us >= 600_000
    assert accept.percentile_us(50) >= 300_000
    assert result.service.percentile_us(50) < 200_000
    assert result.lag.max_us >= 550_000
    assert result.accepted == 40


async def test_a_stall_is_felt_by_all_whose_time_came_in_it(api):
    api.pause_until_s = asyncio.get_running_loop().time() + 0.5
    result = await Generator(options(api, count=500, rate_mps=1_000, connections=2)).run()
    accept = result.accept_all()
    assert accept.percentile_us(50) >= 150_000  # a coordinated view would count 2 slow requests of 500
    assert result.accepted == 500


@pytest.mark.parametrize("form", ["json", "msgpack"])
async def test_batches_count_each_item(api, form):
    result = await Generator(options(api, mode="batch", batch=100, count=450, rate_mps=10_000, format=form)).run()
    assert (result.requests, result.sent, result.accepted) == (5, 450, 405)
    assert result.refused == {(422, "invalid_message"): 45}
    assert len(api.messages) == 405
    assert result.accept_all().count == 405


async def test_refusals_are_counted_by_status_and_code(api):
    api.answers = [
        problem(429, "rate_limited", **{"Retry-After": "1"}),
        problem(503, "overloaded"),
        problem(422, "invalid_message"),
    ]
    result = await Generator(options(api, count=10)).run()
    assert result.refused == {(429, "rate_limited"): 1, (503, "overloaded"): 1, (422, "invalid_message"): 1}
    assert result.pushed_back == {429: 1, 503: 1}
    assert (result.accepted, result.retries) == (7, 0)


async def test_what_is_pushed_back_is_sent_again_under_its_key_after_retry_after(api):
    api.answers = [problem(429, "rate_limited", **{"Retry-After": "0.3"}), problem(503, "overloaded", **{"Retry-After": "0.2"})]
    result = await Generator(options(api, count=10, retry=True)).run()
    assert (result.sent, result.accepted, result.retries, result.requests) == (10, 10, 2, 12)
    assert not result.refused
    assert sorted(api.keys.values()) == [1] * 8 + [2] * 2
    assert result.elapsed_s >= 0.3
    assert result.accept_all().max_us >= 300_000  # the wait is part of the message's latency


async def test_a_request_that_came_too_late_for_its_connection_is_sent_again_on_another(api):
    api.answers = [problem(408, "")]
    result = await Generator(options(api, count=10, retry=True)).run()
    assert (result.sent, result.accepted, result.retries) == (10, 10, 1)
    assert not result.refused
    assert result.pushed_back == {408: 1}


async def test_the_record_tells_what_was_taken_and_what_was_pushed_back(api, tmp_path):
    api.answers = [problem(429, "shed", **{"Retry-After": "30"}), problem(503, "overloaded")]
    file = tmp_path / "record"
    await Recording(options(api, count=5, connections=1, first=700, mix={"marketing": 1.0}), file).run()
    lines = [line.split() for line in file.read_text("ascii").splitlines()]
    assert [[number, *words] for number, _, *words in lines if len(words) == 3] == [
        ["700", "429", "marketing", "30"],
        ["701", "503", "marketing", "-"],
    ]
    taken = [words for words in lines if len(words) == 6]
    assert [words[0] for words in taken] == ["702", "703", "704"]
    assert {words[2] for words in taken} == set(api.messages)
    assert all(f"{int(words[0]) + 1:08d}" in api.messages[words[2]]["text"] for words in taken)


async def test_retries_end(api):
    api.answers = [problem(503, "overloaded", **{"Retry-After": "0"}) for _ in range(10)]
    result = await Generator(options(api, count=1, retry=True, retry_limit=3)).run()
    assert result.refused == {(503, "overloaded"): 1}
    assert (result.requests, result.retries) == (4, 3)


async def test_messages_are_followed_through_webhooks(api):
    api.copies = 2
    result = await Generator(options(api, count=200, webhooks=True, webhook_secret=encode_secret(SECRET))).run()
    assert result.final == {"delivered": 150, "undelivered": 50}
    assert result.lost == 0
    assert result.end_to_end_all().count == 200
    assert result.bad_signatures == 0
    assert result.events >= 200


async def test_forged_webhooks_count_for_nothing(api):
    api.secret = b"somebody else's secret of 32 oct"
    result = await Generator(
        options(api, count=5, webhooks=True, webhook_secret=encode_secret(SECRET), follow_timeout_s=0.3)
    ).run()
    assert (result.finished, result.lost, result.bad_signatures) == (0, 5, 5)


def checked(api, **more):
    secret = encode_secret(SECRET)
    return run_async(options(api, webhooks=True, webhook_secret=secret, follow_timeout_s=0.5, **more), check=True)


async def test_a_run_is_held_against_the_invariants(api):
    api.copies = 2
    result = await checked(api, retry=True)
    assert result.verdict.clean
    assert {"I1 every message ends", "I3 one id for a key", "I7 every end is told", "I7 one webhook-id an end"} <= set(
        result.verdict.passed
    )
    assert "I4 conservation" in result.verdict.unchecked
    assert result.to_dict()["invariants"]["clean"]


async def test_a_run_that_loses_and_forges_breaches_them(api):
    api.secret = b"somebody else's secret of 32 oct"
    result = await checked(api, count=5)
    assert result.verdict.breached == {"I1 every message ends": 5, "I7 valid signatures": 5}


async def test_a_check_needs_to_see_the_ends(api):
    with pytest.raises(InvalidOptions, match="check"):
        await run_async(options(api), check=True)


@pytest.mark.parametrize("count", [50, 900])  # one by one, and in pages
async def test_messages_are_followed_by_polling(api, count):
    result = await Generator(options(api, count=count, rate_mps=20_000, mode="batch", batch=90, follow=True)).run()
    assert result.accepted == len(api.messages)
    assert result.final == {"delivered": result.accepted}
    assert result.lost == 0


async def test_an_answer_that_never_comes_is_an_error_and_the_run_goes_on(api):
    api.delay_s = 30
    generator = Generator(options(api, count=4, connections=2, timeout_s=0.1, drain_s=0.5))
    result = await generator.run()
    assert result.errors["timeout"] >= 2
    assert result.accepted == 0
    assert result.errors.total() + result.unsent == 4
    api.delay_s = 0


async def test_a_server_that_closes_connections_is_met_again():
    served = 0

    async def serve(reader, writer):
        nonlocal served
        await reader.readuntil(b"\r\n\r\n")
        await reader.read(4_096)
        served += 1
        if served % 2:
            writer.write(b'HTTP/1.1 202 Accepted\r\nContent-Length: 11\r\nConnection: close\r\n\r\n{"id":"01"}')

    async with listening(serve) as port:
        result = await Generator(LoadOptions(url=f"http://127.0.0.1:{port}", count=20, rate_mps=2_000, connections=3)).run()
    assert (result.accepted, result.errors["connection_lost"]) == (10, 10)


async def test_nobody_listening_is_said_at_once():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(TargetUnreachable):
            await run_async(LoadOptions(url=f"http://127.0.0.1:{taken.getsockname()[1]}", count=1))


async def test_an_interrupted_run_tells_what_it_knows(api):
    generator = Generator(options(api, count=100_000, rate_mps=200))
    run = asyncio.ensure_future(generator.run())
    async with asyncio.timeout(10):
        while generator.result.accepted < 20:
            await asyncio.sleep(0.005)
    generator.stop()
    result = await run
    assert result.interrupted
    assert result.sent == result.accepted == len(api.messages) >= 20


async def test_as_a_program_it_writes_json_and_ends_on_ctrl_c(api, tmp_path):
    file = tmp_path / "result.json"
    words = ["--url", api.url, "--key", "tl_key", "--rate", "100", "--duration", "600", "--quiet", "--json", str(file)]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sims.load", *words, stdout=asyncio.subprocess.PIPE, cwd=ROOT, env={**os.environ, "COLUMNS": "120"}
    )
    async with asyncio.timeout(30):
        while len(api.messages) < 10:
            await asyncio.sleep(0.01)
        process.send_signal(signal.SIGINT)
        output, _ = await process.communicate()
    assert process.returncode == 0
    assert b"accepted" in output
    told = json.loads(file.read_text())
    assert told["interrupted"]
    assert told["accepted"] == len(api.messages)


async def test_as_a_program_it_refuses_other_machines():
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sims.load", "--url", "http://192.0.2.1", "--count", "1", stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    output, _ = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 2
    assert b"--allow-remote" in output
