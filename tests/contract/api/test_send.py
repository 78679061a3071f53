"""Sending over a real server."""

import json
from datetime import UTC, datetime

import aiohttp
import msgspec
import pytest

from router.api.send import SINGLE_BODY_LIMIT
from router.journal.port import JournalFull, JournalUnavailable
from router.model import MessageClass

GOOD = {"to": "+447700900123", "text": "hello"}
LIMITS = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")


async def test_a_message_is_accepted_and_can_be_read(api):
    status, shown, headers = await api("POST", "/v1/messages", GOOD | {"from": "ACME", "class": "otp", "metadata": {"k": "v"}})
    assert status == 202
    assert shown["status"] == "accepted"
    assert shown["cost"] == {"amount": "0.010000", "currency": "EUR"}
    assert (shown["segments"], shown["encoding"]) == (1, "gsm7")
    assert headers["Location"] == f"/v1/messages/{shown['id']}"
    assert all(name in headers for name in LIMITS)
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert "Access-Control-Allow-Origin" not in headers
    assert "server" not in headers
    status, seen, headers = await api("GET", headers["Location"])
    assert status == 200
    assert (seen["to"], seen["from"], seen["class"], seen["status"]) == ("+447700900123", "ACME", "otp", "queued")
    assert seen["created_at"] == shown["created_at"]
    assert all(name in headers for name in LIMITS)


async def test_msgpack_is_taken_for_one_message(api):
    status, _, _ = await api("POST", "/v1/messages", data=msgspec.msgpack.encode(GOOD), Content_Type="application/msgpack")
    assert status == 202


async def test_a_scheduled_message_says_so(api):
    later = datetime.fromtimestamp(api.front.now_ms() // 1000 + 3600, UTC).isoformat()
    status, shown, _ = await api("POST", "/v1/messages", GOOD | {"send_at": later})
    assert (status, shown["status"]) == (202, "scheduled")
    _, seen, _ = await api("GET", f"/v1/messages/{shown['id']}")
    assert (seen["status"], seen["send_at"]) == ("scheduled", later.replace("+00:00", ".000Z"))


@pytest.mark.parametrize(
    ("options", "status", "code"),
    [
        ({"value": GOOD, "key": None}, 401, "unauthorized"),
        ({"value": GOOD, "key": None, "Authorization": "Bearer tl_nonsense"}, 401, "unauthorized"),
        ({"value": GOOD, "key": "orphan"}, 401, "unauthorized"),
        ({"value": GOOD, "key": "reader"}, 403, "forbidden"),
        ({"value": GOOD, "key": "admin"}, 403, "forbidden"),
        ({"data": b"{", "Content_Type": "application/json"}, 400, "malformed_body"),
        ({"data": b"", "Content_Type": "application/json"}, 400, "malformed_body"),
        ({"data": b"{}", "Content_Type": "text/plain"}, 415, "unsupported_media_type"),
        ({"data": b"{}", "Content_Type": "application/json; charset=latin-1"}, 415, "unsupported_media_type"),
        ({"data": b"{}", "Content_Type": "application/json", "Content_Encoding": "br"}, 415, "unsupported_media_type"),
        ({"data": b" " * (SINGLE_BODY_LIMIT + 1), "Content_Type": "application/json"}, 413, "too_large"),
        ({"value": GOOD | {"to": "12"}}, 422, "invalid_message"),
        ({"value": GOOD | {"to": "+33612345678"}}, 422, "no_route"),
        ({"value": GOOD | {"txt": "x"}}, 422, "unknown_field"),
        ({"value": {"to": "+447700900123"}}, 422, "missing_field"),
        ({"value": GOOD, "Idempotency_Key": "k" * 256}, 400, "invalid_idempotency_key"),
    ],
)
async def test_refusals_are_problems(api, options, status, code):
    got, shown, headers = await api("POST", "/v1/messages", **options)
    assert (got, shown["status"], shown["code"]) == (status, status, code)
    assert headers["Content-Type"] == "application/problem+json"
    assert shown["title"]
    assert shown["type"] == f"/docs#error-{code}"
    assert shown["instance"] == "/v1/messages"
    if status == 422:
        assert all(error["pointer"].startswith("/") for error in shown["errors"])
    if status not in {401, 403}:
        assert all(name in headers for name in LIMITS)
    if status == 401:
        assert headers["WWW-Authenticate"].startswith("Bearer")


async def test_a_body_without_a_length_is_cut_off(api):
    async def endless():
        while True:
            yield b" " * 65_536

    try:
        status, shown, _ = await api("POST", "/v1/messages", data=endless(), Content_Type="application/json")
    except aiohttp.ClientError:
        return  # the server hung up while the client was still writing, which is as good
    assert (status, shown["code"]) == (413, "too_large")


async def test_unknown_places_and_methods_are_problems(api):
    status, shown, _ = await api("GET", "/v2/nothing")
    assert (status, shown["code"]) == (404, "not_found")
    status, shown, headers = await api("DELETE", "/v1/messages")
    assert (status, shown["code"]) == (405, "method_not_allowed")
    assert "Allow" in headers
    status, shown, _ = await api("GET", "/v1/messages/")
    assert status == 404


async def test_a_bug_is_a_problem_without_internals(api, caplog):
    def break_it(_):
        raise RuntimeError("secret +447700900123")

    api.front.failure = break_it
    status, shown, _ = await api("POST", "/v1/messages", GOOD)
    assert (status, shown["code"]) == (500, "internal")
    assert "secret" not in json.dumps(shown)
    assert "secret" not in caplog.text
    assert "api.internal_error" in caplog.text
    assert shown["detail"].split()[1].rstrip(".") in caplog.text


# -- limits -----------------------------------------------------------------------------------------------------------


async def test_the_rate_limit_is_told_and_kept(api):
    seen = [await api("POST", "/v1/messages", GOOD, key="small") for _ in range(6)]
    assert [status for status, *_ in seen] == [202] * 5 + [429]
    assert [headers["X-RateLimit-Remaining"] for *_, headers in seen] == ["4", "3", "2", "1", "0", "0"]
    _, shown, headers = seen[-1]
    assert shown["code"] == "rate_limited"
    assert int(headers["Retry-After"]) >= 1
    assert headers["X-RateLimit-Limit"] == "1"
    status, shown, _ = await api("POST", "/v1/messages/batch", [GOOD] * 3, key="small")
    assert (status, shown["code"]) == (429, "rate_limited")


async def test_the_daily_spend_is_capped(api):
    status, shown, _ = await api("POST", "/v1/messages/batch", [GOOD] * 100, key="poor")
    assert status == 202
    codes = [row.get("error", {}).get("code") for row in shown["data"]]
    assert codes == [None] * shown["meta"]["accepted"] + ["spend_limited"] * shown["meta"]["refused"]
    assert 0 < shown["meta"]["accepted"] <= 40


# -- batches ----------------------------------------------------------------------------------------------------------

BAD = [{"to": "12", "text": "x"}, {"text": "x"}, 7, GOOD | {"x": 1}, GOOD | {"to": "+33612345678"}]
CODES = ["invalid_message", "missing_field", "invalid_message", "unknown_field", "no_route"]


@pytest.mark.parametrize("form", ["object", "array", "ndjson", "msgpack"])
async def test_a_bad_item_never_sinks_its_neighbours(api, form):
    items = [one for bad in BAD for one in (GOOD, bad)]
    data, media = {
        "object": (json.dumps({"messages": items}).encode(), "application/json"),
        "array": (json.dumps(items).encode(), "application/json; charset=utf-8"),
        "ndjson": (b"\n".join(json.dumps(item).encode() for item in items) + b"\n\n", "application/x-ndjson"),
        "msgpack": (msgspec.msgpack.encode({"messages": items}), "application/msgpack"),
    }[form]
    status, shown, _ = await api("POST", "/v1/messages/batch", data=data, Content_Type=media)
    assert status == 202
    assert [row["index"] for row in shown["data"]] == list(range(10))
    assert all("id" in row for row in shown["data"][::2])
    assert [row["error"]["code"] for row in shown["data"][1::2]] == CODES
    assert (shown["meta"]["accepted"], shown["meta"]["refused"]) == (5, 5)
    _, page, _ = await api("GET", f"/v1/messages?batch_id={shown['meta']['batch_id']}")
    assert {row["id"] for row in page["data"]} == {row["id"] for row in shown["data"] if "id" in row}


async def test_a_line_that_is_no_json_spoils_itself_only(api):
    line = json.dumps(GOOD).encode()
    status, shown, _ = await api(
        "POST", "/v1/messages/batch", data=line + b"\n{oops\n" + line, Content_Type="application/x-ndjson"
    )
    assert status == 202
    assert [row.get("error", {}).get("code") for row in shown["data"]] == [None, "malformed_body", None]


async def test_a_batch_of_nothing_good_is_422_with_a_result_each(api):
    status, shown, _ = await api("POST", "/v1/messages/batch", BAD)
    assert status == 422
    assert [row["error"]["code"] for row in shown["data"]] == CODES
    assert shown["meta"] == {"accepted": 0, "refused": 5, "batch_id": None}


@pytest.mark.parametrize(
    ("data", "media", "status"),
    [
        (b"[]", "application/json", 400),
        (b"{}", "application/json", 400),
        (b'{"messages":[],"x":1}', "application/json", 400),
        (b"[", "application/json", 400),
        (b"", "application/x-ndjson", 400),
        (b"\xc1", "application/msgpack", 400),
        (b"[{}]", "text/csv", 415),
        (b"[" + b"{}," * 10_000 + b"{}]", "application/json", 413),
        (b"{}\n" * 10_001, "application/x-ndjson", 413),
    ],
)
async def test_what_is_no_batch(api, data, media, status):
    got, shown, _ = await api("POST", "/v1/messages/batch", data=data, Content_Type=media)
    assert (got, shown["status"]) == (status, status)


async def test_ten_thousand_at_once_answered_in_msgpack(api):
    data = msgspec.msgpack.encode([GOOD | {"client_ref": str(n)} for n in range(10_000)])
    status, shown, _ = await api(
        "POST", "/v1/messages/batch", data=data, Content_Type="application/msgpack", Accept="application/msgpack"
    )
    shown = msgspec.msgpack.decode(shown)
    assert (status, shown["meta"]["accepted"]) == (202, 10_000)
    assert len({row["id"] for row in shown["data"]}) == 10_000
    assert api.front.counts["accepted", "acme", "transactional"] == 10_000


# -- when the journal is not well -----------------------------------------------------------------------------------------


async def test_an_absent_journal_is_503_and_nothing_is_taken(api):
    def down(_):
        raise JournalUnavailable("no server")

    api.front.failure = down
    for path, value in (("/v1/messages", GOOD), ("/v1/messages/batch", [GOOD] * 3)):
        for extra in ({}, {"Idempotency_Key": "k" + path}):
            status, shown, headers = await api("POST", path, value, **extra)
            assert (status, shown["code"]) == (503, "journal_unavailable")
            assert int(headers["Retry-After"]) >= 1
    api.front.failure = None
    status, _, headers = await api("POST", "/v1/messages", GOOD, Idempotency_Key="k/v1/messages")
    assert status == 202
    assert "Idempotency-Replayed" not in headers


async def test_one_partition_down_costs_its_items_only(api):
    runs = []

    def sometimes(items):
        runs.append(len(items))
        if len(runs) == 2:
            raise JournalUnavailable("one of them")

    api.front.failure = sometimes
    status, shown, _ = await api("POST", "/v1/messages/batch", [GOOD] * 300)
    assert status == 202
    assert (shown["meta"]["accepted"], shown["meta"]["refused"]) == (200, 100)
    assert {row["error"]["code"] for row in shown["data"][100:200]} == {"journal_unavailable"}


@pytest.mark.parametrize(("klass", "status"), [("otp", 202), ("transactional", 503), ("marketing", 429)])
async def test_a_full_journal_refuses_the_classes_it_names(api, klass, status):
    full = frozenset({MessageClass.TRANSACTIONAL, MessageClass.MARKETING})

    def refuse(items):
        if any(item.klass in full for item in items):
            raise JournalFull("85 %", full)

    api.front.failure = refuse
    got, shown, headers = await api("POST", "/v1/messages", GOOD | {"class": klass})
    assert got == status
    if status != 202:
        assert shown["code"] == "journal_full"
        assert int(headers["Retry-After"]) >= 1
    got, shown, _ = await api("POST", "/v1/messages/batch", [GOOD | {"class": "otp"}, GOOD | {"class": klass}])
    assert got == 202
    assert shown["data"][1].get("error", {}).get("status", 202) == status


@pytest.mark.parametrize("extra", [{}, {"Idempotency_Key": "k"}])
async def test_a_neighbours_refusal_does_not_sink_an_otp(api, extra):
    """A commit is shared: the front may be told of marketing that came from somebody else."""
    refusals = []

    def refuse_twice(items):
        if len(refusals) < 2:
            refusals.append(len(items))
            raise JournalFull("70 %", frozenset({MessageClass.MARKETING}))

    api.front.failure = refuse_twice
    status, _, _ = await api("POST", "/v1/messages", GOOD | {"class": "otp"}, **extra)
    assert (status, refusals) == (202, [1, 1])


@pytest.mark.parametrize(("klass", "status"), [("otp", 202), ("transactional", 503), ("marketing", 429)])
async def test_shedding_takes_the_least_first(api, klass, status):
    api.front.shed = {MessageClass.TRANSACTIONAL: "85 % full", MessageClass.MARKETING: "85 % full"}
    got, shown, headers = await api("POST", "/v1/messages", GOOD | {"class": klass})
    batched, _, batch_headers = await api("POST", "/v1/messages/batch", [GOOD | {"class": klass}] * 2)
    assert (got, batched) == (status, status)
    if status != 202:
        assert shown["code"] == "shed"
        assert int(headers["Retry-After"]) >= 1
        assert int(batch_headers["Retry-After"]) >= 1
