"""A request that is whole when it comes gets the very answer that it would have had by ASGI, and is counted the same."""

import asyncio
import itertools
import json

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from router.api.app import create_app
from router.api.local import LocalFront
from router.journal.memory import MemoryJournal
from router.journal.port import JournalFull, JournalUnavailable
from router.keys import make_key
from router.model import MessageClass
from router.settings import CarrierProfile, Price, Settings, Tenant
from router.terms import Terms

NOW_MS = 1_768_469_400_000
PATH = "/v1/messages"
KEYS = {
    name: make_key(bytes([n + 1]) * 38, name, scopes)
    for n, (name, scopes) in enumerate({"acme": ("send",), "small": ("send",), "reader": ("read",), "orphan": ("send",)}.items())
}
CARRIER = CarrierProfile(
    name="one", addresses=("127.0.0.1:1",), system_id="x", covers=("GB",), prices=(Price(to="*", micros=10),)
)
SETTINGS = Settings(
    tenants=(Tenant(id="acme"), Tenant(id="small", rate_mps=1, burst=1), Tenant(id="reader")),
    keys=tuple(record for _, record in KEYS.values()),
    carriers=(CARRIER,),
)
GOOD = {"to": "+447700900123", "text": "hello"}
FAILURES = {
    "": [],
    "down": [JournalUnavailable("no answer")],
    "full": [JournalFull("no room")],
    "full for others": [JournalFull("no room", frozenset({MessageClass.MARKETING}))] * 2,
    "full for others for ever": [JournalFull("no room", frozenset({MessageClass.MARKETING}))] * 9,
    "broken": [RuntimeError("a bug")],
}


class Front(LocalFront):
    """A front whose journal fails as often as it is told to."""

    failures = ()

    async def submit(self, items):
        if self.failures:
            raise self.failures.pop(0)
        return await super().submit(items)


def world(failures):
    """An app like every other: same time, same dice, same journal."""
    chance = itertools.count(1)
    front = Front(
        MemoryJournal(lambda: NOW_MS),
        Terms.compile(SETTINGS),
        now_ms=lambda: NOW_MS,
        monotonic_s=lambda: 0.0,
        entropy=lambda octets: b"".join(next(chance).to_bytes(10, "big") for _ in range(-(-octets // 10)))[:octets],
    )
    front.failures = list(failures)
    return front, create_app(front)


async def by_asgi(app, scope, body):
    sent = []

    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message):
        sent.append(message)

    await app(scope, receive, send)
    return sent[0]["status"], sent[0]["headers"], b"".join(message["body"] for message in sent[1:])


async def whole(app, scope, body):
    answered = asyncio.get_running_loop().create_future()
    assert app.whole[b"POST", PATH.encode()].take(scope, body, answered.set_result)
    reply = await answered
    lines = [line.split(b": ", 1) for line in reply.head().removesuffix(b"\r\n").split(b"\r\n")]
    assert [tuple(line) for line in lines] == reply.raw_headers
    return reply.status_code, reply.raw_headers, reply.body


headers = st.fixed_dictionaries(
    {
        "content-type": st.sampled_from(
            ["application/json", "application/msgpack", "text/plain", "application/json; charset=latin-1"]
        )
    },
    optional={
        "authorization": st.sampled_from([f"Bearer {plain}" for plain, _ in KEYS.values()] + ["Bearer tl_x", "Basic eDp5", ""]),
        "content-encoding": st.sampled_from(["identity", "gzip"]),
        "accept": st.sampled_from(["application/msgpack", "*/*"]),
    },
)
fields = st.fixed_dictionaries(
    {},
    optional={
        "to": st.sampled_from(["+447700900123", "+33612345678", "12"]),
        "text": st.text(max_size=20),
        "from": st.sampled_from(["ACME", "", "+447700900123"]),
        "class": st.sampled_from(["otp", "marketing", "transactional", "news"]),
        "max_segments": st.integers(0, 3),
        "nonsense": st.none(),
    },
)
values = fields.map(lambda more: GOOD | more) | fields | st.none() | st.integers(-(2**63), 2**64 - 1)  # what MessagePack holds


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(headers, values | st.binary(max_size=20)), min_size=1, max_size=4),
    st.sampled_from(sorted(FAILURES)),
    st.booleans(),
)
def test_both_ways_answer_and_count_alike(requests, failure, shed):
    async def run():
        told = []
        for way in (by_asgi, whole):
            front, app = world(FAILURES[failure])
            front.shed = dict.fromkeys((MessageClass.OTP, MessageClass.MARKETING), "no room") if shed else {}
            answers = []
            for heads, value in requests:
                body = value if isinstance(value, bytes) else json.dumps(value).encode("ascii")
                if heads["content-type"] == "application/msgpack" and not isinstance(value, bytes):
                    body = msgspec.msgpack.encode(json.loads(body)) if body.isascii() and b"\\ud" not in body else body
                raw = [(name.encode(), text.encode("latin-1")) for name, text in heads.items()]
                scope = {"type": "http", "method": "POST", "path": PATH, "headers": raw, "client": ("127.0.0.1", 2)}
                answers.append(await way(app, scope, body))
            told.append((answers, front.counts))
        return told

    by_one, by_other = asyncio.run(run())
    assert by_one == by_other


def test_what_may_need_the_journal_s_memory_goes_by_asgi():
    _, app = world(())
    endpoint = app.whole[b"POST", PATH.encode()]
    raw = [(b"content-type", b"application/json"), (b"authorization", f"Bearer {KEYS['acme'][0]}".encode())]
    keyed = {"path": PATH, "headers": [*raw, (b"idempotency-key", b"k")], "client": None}
    assert not endpoint.take(keyed, json.dumps(GOOD).encode(), print)
    assert not endpoint.take({"path": PATH, "headers": raw, "client": None}, b" " * 300_000, print)
