"""Two tenants and every route of the app, taken from its own table: nothing of the one is read, changed or even told of to the other."""

import json
import time
from urllib.parse import quote

import msgspec
import pytest
from fastapi.routing import APIRoute
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from router.api.resources import OPERATIONS
from router.ids import from_text, make_id, to_text
from router.journal.port import Assign, Received, Submitted
from router.model import MessageClass
from router.passwords import hash_password
from router.record import Body, EventKind, Inbound, pack_body, pack_event
from router.settings import SmppAccount, Webhook
from router.terms import Terms

TENANTS = ("acme", "globex")
NUMBERS = {"acme": "447700900111", "globex": "447700900222"}
NOBODY = "0" * 26
KINDS = ["one", "batch", "keyed", "later", "inbound", "dead", "sent"]


def canary(tenant):
    return f"canary-of-{tenant}"


def message(tenant, **fields):
    mark = canary(tenant)
    return {
        "to": f"+{NUMBERS[tenant]}",
        "text": f"text {mark}",
        "profile": f"profile {mark}",
        "client_ref": mark,
        "tags": [mark],
        "metadata": {mark: mark},
        "webhook_url": f"https://hooks.example/{mark}",
    } | fields


@pytest.fixture(scope="module")
def world(client):
    known = client.front.terms.settings
    tenants = tuple(
        msgspec.structs.replace(one, webhook=Webhook(url=f"https://{one.id}.example/{canary(one.id)}", secrets=("whsec_x",)))
        for one in known.tenants
    )
    password = hash_password("password", bytes(16))
    accounts = tuple(SmppAccount(system_id=f"gw-{tenant}", tenant=tenant, password=password) for tenant in TENANTS)
    client.front.terms = Terms.compile(msgspec.structs.replace(known, tenants=tenants, accounts=accounts))
    return client


class Things:
    """What a tenant has brought in."""

    def __init__(self):
        self.ids = []
        self.batches = []
        self.events = []


async def bring(client, tenant, steps, things):
    mine = things[tenant]
    for place, kind in enumerate(steps):
        if kind == "inbound":
            mine.ids.append(await handset(client, tenant, place))
            continue
        fields = {"send_at": "2026-01-16T00:00:00Z"} if kind == "later" else {}
        octets = json.dumps(message(tenant, **fields)).encode()
        if kind == "batch":
            _, shown, _ = await client("POST", "/v1/messages/batch", b"[" + octets + b"]", tenant=tenant)
            mine.ids.append(shown["data"][0]["id"])
            mine.batches.append(shown["meta"]["batch_id"])
            continue
        header = {"idempotency_key": f"the same {place}"} if kind == "keyed" else {}
        status, shown, _ = await client("POST", "/v1/messages", octets, tenant=tenant, **header)
        assert status == 202
        mine.ids.append(shown["id"])
        if kind == "dead":
            assert (await client("POST", f"/v1/messages/{shown['id']}/cancel", tenant=tenant))[0] == 200
            notices = await client.front.journal.claim_notices("c", range(64), 1_000, 60)
            ours = [notice for notice in notices if to_text(notice.id) == shown["id"]]
            await client.front.journal.bury_notices(ours)
            mine.events += [notice.event_id for notice in ours]
        elif kind == "sent":
            await submit(client, from_text(shown["id"]))


async def handset(client, tenant, place):
    now_ms = client.front.now_ms()
    message_id = make_id(now_ms, 7, (hash((tenant, place, time.monotonic_ns())) & (1 << 79) - 1).to_bytes(10, "big"))
    body = Body(
        tenant=tenant,
        to="88222",
        sender=NUMBERS[tenant],
        text=f"stop {canary(tenant)}",
        klass=1,
        created_ms=now_ms,
        expires_ms=now_ms,
        encoding="gsm7",
        segments=1,
        country="GB",
        network="GB",
        inbound=Inbound(carrier="one", account=f"gw-{tenant}"),
    )
    event = pack_event(now_ms, EventKind.RECEIVED, "one")
    await client.front.journal.receive([Received(message_id, tenant, pack_body(body), event, channel=f"gw-{tenant}")])
    return to_text(message_id)


async def submit(client, message_id):
    """As a carrier would have it: feedback makes sense of this message."""
    journal, now_ms = client.front.journal, client.front.now_ms()
    epoch, _, _ = await journal.register("d", "x", 60)
    partition = message_id[6] >> 2
    await journal.lease_partitions("d", epoch, [partition], 60)
    await journal.claim("d", epoch, [partition], dict.fromkeys(MessageClass, 1_000))
    carrier, _, _ = await journal.register("c", "x", 60)
    assigned = pack_event(now_ms, EventKind.ASSIGNED, "one", 1, b"", 0)
    if not (await journal.assign("c", carrier, [Assign(message_id, 0, assigned)]))[0]:
        return
    submitted = pack_event(now_ms, EventKind.SUBMITTED, "one", ["x1"], 5)
    await journal.submitted("c", "one", [Submitted(message_id, (message_id.hex(),), now_ms + 60_000, submitted)])


def bodies(path, mine, other):
    """What a tenant may send there to get at another one's things; a route that takes bodies has a line here."""
    ids = [*other.ids, NOBODY]
    match path:
        case "/v1/messages" | "/v1/messages/preview":
            return [json.dumps(message(mine)).encode()]
        case "/v1/messages/batch":
            return [json.dumps([message(mine)]).encode()]
        case "/v1/messages/{id}/feedback":
            return [b'{"outcome":"converted"}', b'{"outcome":"not_converted"}']
        case "/v1/messages/{id}/cancel":
            return [b""]
        case "/v1/feedback":
            items = [{"id": one, "outcome": "converted", "at": "2026-01-15T09:30:00Z"} for one in ids]
            return [json.dumps(items).encode()]
        case "/v1/webhooks/dead/replay":
            return [json.dumps({"event_ids": [one]}).encode() for one in [*other.events, "evt_nobody"]]
    raise AssertionError(f"say in this test what may be sent to {path}")


def values(name, other_tenant, other):
    """Values of a query parameter that name another tenant's things; a parameter has a line here."""
    match name:
        case "to":
            return [f"+{NUMBERS[other_tenant]}", "88222"]
        case "client_ref":
            return [canary(other_tenant)]
        case "batch_id":
            return [*other.batches, NOBODY]
        case "after":
            return [*other.ids, "7" + "Z" * 25]
        case "created_after" | "created_before":
            return ["2020-01-01T00:00:00Z", "2035-01-01T00:00:00Z"]
        case "status":
            return ["queued", "received", "canceled", "sent", "scheduled"]
        case "direction":
            return ["outbound", "inbound"]
        case "class":
            return ["otp", "transactional"]
        case "limit":
            return ["500"]
        case "carrier" | "network":
            return ["one", "GB"]
        case "hours":
            return ["24"]
    raise AssertionError(f"say in this test what the parameter {name} may be")


def routes(client):
    return [
        (method, route.path) for route in client.app.routes if isinstance(route, APIRoute) for method in sorted(route.methods)
    ]


def is_open(method, path):
    operation = OPERATIONS.get((method, path))
    return operation.open if operation else path in {"/openapi.json", "/docs"}


def told(shown, head):
    return (shown.decode("utf-8", "replace") if isinstance(shown, bytes) else json.dumps(shown)) + json.dumps(head)


def probes(client, method, path, tenant, other_tenant, other):
    """Requests of a tenant that aim at the other one's things: (path, query, body, an aim that must not be found)."""
    operation = OPERATIONS.get((method, path))
    queries = [""]
    for parameter in operation.parameters if operation else ():
        if parameter["in"] == "query":
            queries += [f"{parameter['name']}={quote(one)}" for one in values(parameter["name"], other_tenant, other)]
    payloads = bodies(path, tenant, other) if method == "POST" else [b""]
    places = [path.replace("{id}", one) for one in other.ids] if "{id}" in path else [path]
    assert "{" not in places[0] if places else True, f"say in this test what stands in {path}"
    for place in places:
        for query in queries:
            for payload in payloads:
                yield place, query, payload


async def state_of(client, tenant):
    listed = await client("GET", "/v1/messages", tenant=tenant, query="limit=500")
    dead = await client("GET", "/v1/webhooks/dead", tenant=tenant, query="limit=500")
    histories = [await client("GET", f"/v1/messages/{row['id']}/events", tenant=tenant) for row in listed[1]["data"]]
    return listed[1]["data"], dead[1]["data"], [history[1]["data"] for history in histories]


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.sampled_from(KINDS), max_size=3), st.lists(st.sampled_from(KINDS), max_size=2))
def test_no_route_tells_or_touches_anything_of_another_tenant(world, more, fewer):
    async def scenario():
        things = {tenant: Things() for tenant in TENANTS}
        await bring(world, "acme", [*KINDS, *more], things)
        await bring(world, "globex", [*fewer, "one"], things)
        before = await state_of(world, "acme")
        assert canary("acme") in json.dumps(before)
        for method, path in routes(world):
            await aim(world, method, path, things["acme"])
        assert await state_of(world, "acme") == before

    from asyncio import run

    run(scenario())


async def aim(client, method, path, other):
    nobody = set()
    if "{id}" in path:
        for payload in bodies(path, "globex", other) if method == "POST" else [b""]:
            status, shown, _ = await client(method, path.replace("{id}", NOBODY), payload, tenant="globex")
            assert status == 404
            nobody.add(json.dumps({**shown, "instance": ""}, sort_keys=True))
    for place, query, payload in probes(client, method, path, "globex", "acme", other):
        tenant = "" if is_open(method, path) else "globex"
        header = {"idempotency_key": "the same 2"} if method == "POST" else {}
        status, shown, head = await client(method, place, payload, tenant=tenant, query=query, **header)
        words = told(shown, head)
        where = f"{method} {place}?{query} {payload!r}: {status} {words[:300]}"
        assert status not in {401, 403, 405, 500}, where
        assert canary("acme") not in words, where
        assert NUMBERS["acme"] not in words, where
        assert "gw-acme" not in words, where
        if "{id}" in path:
            assert status == 404, where
            assert json.dumps({**shown, "instance": ""}, sort_keys=True) in nobody, where
        else:
            named = {one for one in other.ids + other.events if one in query or one.encode() in payload}
            assert not [one for one in other.ids + other.events if one in words and one not in named], where
        if path == "/v1/feedback":
            assert {row["error"]["code"] for row in shown["data"]} == {"not_found"}, where
        if path == "/v1/webhooks/dead/replay":
            assert (status, shown["code"]) == (404, "not_found"), where


def test_every_route_but_the_open_ones_wants_a_key_and_its_scope(world):
    from asyncio import run

    found = routes(world)
    assert len(found) >= 20
    for method, path in found:
        status, shown, head = run(world(method, path.replace("{id}", NOBODY), b"{}", tenant=""))
        if is_open(method, path):
            assert status in {200, 503}, path
        else:
            assert (status, shown["code"]) == (401, "unauthorized"), path
            assert head["www-authenticate"].startswith("Bearer")
    assert {path for method, path in found if is_open(method, path)} == {
        "/healthz",
        "/readyz",
        "/metrics",
        "/openapi.json",
        "/docs",
    }


def test_a_body_over_the_limit_is_refused_by_every_route_that_reads_one(world):
    """A length that is announced is refused before a single octet is read."""
    from asyncio import run

    big = 17 * 1_048_576
    takers = [
        (method, path) for method, path in routes(world) if (one := OPERATIONS.get((method, path))) and one.body is not None
    ]
    assert len(takers) >= 6
    for method, path in takers:
        status, shown, head = run(world(method, path.replace("{id}", NOBODY), b"{}", tenant="acme", content_length=str(big)))
        assert (status, shown["code"], head["connection"]) == (413, "too_large", "close"), path
