"""Whatever is sent: an answer that the documentation knows, and never another tenant's message."""

import asyncio
import json

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

GOOD = {"to": "+447700900123", "text": "hello"}
NAMES = [
    "to", "text", "from", "class", "profile", "client_ref", "tags", "metadata", "send_at", "validity_period", "encoding",
    "max_segments", "webhook_url", "policy", "retention", "failover",
]  # fmt: skip
leaves = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text()
    | st.sampled_from(["+447700900123", "otp", "auto", "2026-01-15T10:00:00Z", "9999-12-31T23:59:59-12:00", "https://x.y"])
)
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=12
)
messages = st.dictionaries(st.sampled_from(NAMES), values, max_size=6).map(lambda fields: GOOD | fields) | values
relaxed = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def run(coroutine):
    return asyncio.run(coroutine)


def surrogates(value):
    """JSON as Python writes it, with escapes for what UTF-8 does not hold."""
    return json.dumps(value).encode("ascii")


@relaxed
@given(messages)
def test_any_json_is_taken_or_refused(client, value):
    for path in ("/v1/messages", "/v1/messages/preview"):
        status, shown, _ = run(client("POST", path, surrogates(value)))
        assert status in {200, 202, 400, 422}
        if status >= 400:
            assert shown["code"] in {"malformed_body", "invalid_message", "missing_field", "unknown_field", "not_encodable", "no_route", "too_many_segments"}  # fmt: skip
            assert shown["status"] == status


@relaxed
@given(st.lists(messages, max_size=6), st.sampled_from(["json", "object", "msgpack", "ndjson"]))
def test_any_batch_is_answered_item_by_item(client, items, form):
    body, media = surrogates(items), "application/json"
    if form == "object":
        body = surrogates({"messages": items})
    elif form == "ndjson":
        body, media = b"\n".join(map(surrogates, items)), "application/x-ndjson"
    elif form == "msgpack":
        try:
            body, media = msgspec.msgpack.encode(items), "application/msgpack"
        except (UnicodeEncodeError, OverflowError):
            return
    good = surrogates(GOOD)
    status, shown, _ = run(client("POST", "/v1/messages/batch", body, media=media))
    assert status in {202, 400, 422}
    if status != 400:
        assert [row["index"] for row in shown["data"]] == list(range(len(items)))
        for item, row in zip(items, shown["data"], strict=True):
            assert ("id" in row) != ("error" in row)
            if surrogates(item) == good:
                assert "id" in row


@relaxed
@given(
    st.binary(max_size=200),
    st.sampled_from(["application/json", "application/x-ndjson", "application/msgpack", "text/plain", ""]),
)
def test_any_octets_are_refused_politely(client, octets, media):
    for path in ("/v1/messages", "/v1/messages/batch", "/v1/messages/preview", "/v1/webhooks/dead/replay"):
        status, shown, _ = run(client("POST", path, octets, media=media))
        assert status in {202, 400, 415, 422}
        assert status == 202 or "code" in shown or "meta" in shown


@relaxed
@given(st.text(max_size=40))
def test_any_query_is_answered(client, text):
    from urllib.parse import quote

    for name in ("status", "to", "client_ref", "batch_id", "created_after", "limit", "after", "colour"):
        status, _, _ = run(client("GET", "/v1/messages", query=f"{name}={quote(text, errors='replace')}"))
        assert status in {200, 400}


@relaxed
@given(st.text(st.characters(min_codepoint=1, max_codepoint=0xFF), max_size=300))
def test_any_idempotency_key_is_answered(client, key):
    status, _, _ = run(client("POST", "/v1/messages", surrogates(GOOD), idempotency_key=key))
    assert status == (202 if 0 < len(key) <= 255 and key.isascii() and key.isprintable() else 400)


operations = st.lists(
    st.tuples(st.sampled_from(["acme", "globex"]), st.sampled_from(["one", "batch", "keyed"]), st.integers(0, 3)),
    min_size=1,
    max_size=8,
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(operations)
def test_two_tenants_never_see_each_others_messages(client, steps):
    async def scenario():
        own: dict[str, set[str]] = {"acme": set(), "globex": set()}
        batches: dict[str, set[str]] = {"acme": set(), "globex": set()}
        for tenant, kind, n in steps:
            message = surrogates(GOOD | {"client_ref": "same", "text": f"secret of {tenant}"})
            if kind == "batch":
                _, shown, _ = await client("POST", "/v1/messages/batch", b"[" + message + b"]", tenant=tenant)
                own[tenant].add(shown["data"][0]["id"])
                batches[tenant].add(shown["meta"]["batch_id"])
            else:
                key = {"idempotency_key": f"key {n}"} if kind == "keyed" else {}
                _, shown, _ = await client("POST", "/v1/messages", message, tenant=tenant, **key)
                own[tenant].add(shown["id"])
        assert not own["acme"] & own["globex"]
        for tenant, other in (("acme", "globex"), ("globex", "acme")):
            for message_id in own[other]:
                for method, end in (("GET", ""), ("GET", "/events"), ("POST", "/cancel")):
                    status, shown, _ = await client(method, f"/v1/messages/{message_id}{end}", tenant=tenant)
                    unknown = await client(method, f"/v1/messages/{'0' * 26}{end}", tenant=tenant)
                    assert status == 404
                    assert {**shown, "instance": ""} == {**unknown[1], "instance": ""}
                assert (await client("GET", f"/v1/messages/{message_id}", tenant=other))[0] == 200
            queries = [
                "limit=500",
                "client_ref=same&limit=500",
                "to=447700900123&limit=500",
                *(f"batch_id={b}" for b in batches[other]),
            ]
            for query in queries:
                _, shown, _ = await client("GET", "/v1/messages", tenant=tenant, query=query)
                assert all(row["text"] != f"secret of {other}" for row in shown["data"])
                assert not {row["id"] for row in shown["data"]} & own[other]
        return True

    assert run(scenario())
