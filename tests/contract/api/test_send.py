"""Sending over a real server."""

import asyncio
import json
import time
from datetime import UTC, datetime

import aiohttp
import msgspec
import pytest

from router.api.send import SINGLE_BODY_LIMIT
from router.journal.port import JournalFull, JournalUnavailable
from router.model import MessageClass
from router.rule_settings import Rule
from router.terms import Terms

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


class Gate(asyncio.Event):
    """An event that tells whether somebody waits for it."""

    waiting = False

    async def wait(self):
        self.waiting = True
        return await super().wait()


# -- idempotency ----------------------------------------------------------------------------------------------------


async def test_a_replay_gives_the_first_answer_again(api):
    _, first, headers = await api("POST", "/v1/messages", GOOD, Idempotency_Key="k")
    assert "Idempotency-Replayed" not in headers
    await asyncio.sleep(0.003)  # another millisecond, another id if it were not for the key
    status, again, headers = await api("POST", "/v1/messages", GOOD, Idempotency_Key="k")
    assert (status, again, headers["Idempotency-Replayed"]) == (202, first, "true")
    _, other, headers = await api("POST", "/v1/messages", GOOD, key="globex", Idempotency_Key="k")
    assert other["id"] != first["id"]
    assert "Idempotency-Replayed" not in headers
    assert api.front.counts["accepted", "acme", "transactional"] == 1


async def test_a_key_for_another_request_is_refused(api):
    await api("POST", "/v1/messages", GOOD, Idempotency_Key="k")
    status, shown, _ = await api("POST", "/v1/messages", GOOD | {"text": "other"}, Idempotency_Key="k")
    assert (status, shown["code"]) == (422, "idempotency_key_reused")


async def test_a_key_in_flight_is_a_conflict(api):
    api.front.gate = Gate()
    first = asyncio.create_task(api("POST", "/v1/messages", GOOD, Idempotency_Key="k"))
    deadline = time.monotonic() + 10
    while not api.front.gate.waiting and time.monotonic() < deadline:
        await asyncio.sleep(0.002)
    status, shown, headers = await api("POST", "/v1/messages", GOOD, Idempotency_Key="k")
    assert (status, shown["code"], headers["Retry-After"]) == (409, "idempotency_in_flight", "1")
    api.front.gate.set()
    assert (await first)[0] == 202
    api.front.gate = None
    assert (await api("POST", "/v1/messages", GOOD, Idempotency_Key="k"))[2]["Idempotency-Replayed"] == "true"


async def test_a_batch_that_failed_halfway_is_completed_by_its_retry(api):
    """Rate limited at first: the retry writes what was missing and repeats what was not."""
    batch = [GOOD | {"client_ref": str(n)} for n in range(8)]
    status, first, _ = await api("POST", "/v1/messages/batch", batch, key="small", Idempotency_Key="b")
    assert status == 202
    assert [("id" in row) for row in first["data"]] == [True] * 5 + [False] * 3
    assert {row["error"]["code"] for row in first["data"][5:]} == {"rate_limited"}
    api.front._tokens.clear()  # the tenant has rested
    status, again, headers = await api("POST", "/v1/messages/batch", batch, key="small", Idempotency_Key="b")
    assert status == 202
    assert headers["Idempotency-Replayed"] == "true"
    assert again["meta"]["batch_id"] == first["meta"]["batch_id"]
    assert again["data"][:5] == first["data"][:5]
    _, page, _ = await api("GET", "/v1/messages", key="small")
    assert len(page["data"]) == 5


def put_rules(api, *rules):
    settings = msgspec.structs.replace(api.front.terms.settings, routing=rules)
    api.front.terms = Terms.compile(settings, secret=b"s")


NIGHT = Rule(name="night", tags=("ads",), deny=True)


async def test_a_replay_gives_the_first_answer_when_a_rule_denies_by_now(api, monkeypatch):
    """A rule with hours: the retry comes after its beginning."""
    ad = GOOD | {"tags": ["ads"]}
    now = datetime.now(UTC)
    after, before = (f"{(now.hour + hours) % 24:02}:{now.minute:02}" for hours in (2, 4))
    put_rules(api, msgspec.structs.replace(NIGHT, after=after, before=before))
    _, first, _ = await api("POST", "/v1/messages", ad, Idempotency_Key="k")
    monkeypatch.setattr(type(api.front), "offset_ms", 3 * 3_600_000)
    assert (await api("POST", "/v1/messages", ad))[1]["code"] == "denied"
    status, again, headers = await api("POST", "/v1/messages", ad, Idempotency_Key="k")
    assert (status, again, headers["Idempotency-Replayed"]) == (202, first, "true")
    assert headers["Location"] == f"/v1/messages/{first['id']}"
    assert api.front.counts["accepted", "acme", "transactional"] == 1


async def test_what_was_never_accepted_under_a_key_is_denied(api):
    ad = GOOD | {"tags": ["ads"]}
    await api("POST", "/v1/messages", ad, Idempotency_Key="other")
    put_rules(api, NIGHT)
    status, shown, _ = await api("POST", "/v1/messages", ad, Idempotency_Key="k")
    assert (status, shown["code"]) == (403, "denied")
    # Another request under a key that was used is told what stands against it.
    status, shown, _ = await api("POST", "/v1/messages", ad | {"text": "other"}, Idempotency_Key="other")
    assert (status, shown["code"]) == (403, "denied")


async def test_whether_a_key_was_used_cannot_be_told_without_a_journal(api, monkeypatch):
    async def gone(*_):
        raise JournalUnavailable("gone")

    put_rules(api, Rule(name="night", deny=True))
    monkeypatch.setattr(api.front.journal, "first_use", gone)
    for path, value in (("/v1/messages", GOOD), ("/v1/messages/batch", [GOOD])):
        status, shown, headers = await api("POST", path, value, Idempotency_Key="k")
        assert (status, shown["code"], headers["Retry-After"]) == (503, "journal_unavailable", "1")


async def test_a_batch_gives_its_first_answer_when_a_rule_denies_by_now(api):
    batch = [GOOD, GOOD | {"tags": ["ads"]}, {"to": "12", "text": "x"}, GOOD | {"tags": ["ads"]}]
    status, first, _ = await api("POST", "/v1/messages/batch", batch, Idempotency_Key="b")
    assert (status, first["meta"]["accepted"]) == (202, 3)
    put_rules(api, NIGHT)
    await asyncio.sleep(0.003)
    status, again, headers = await api("POST", "/v1/messages/batch", batch, Idempotency_Key="b")
    assert (status, again, headers["Idempotency-Replayed"]) == (202, first, "true")
    only_ads = [batch[1]]
    status, shown, _ = await api("POST", "/v1/messages/batch", only_ads, Idempotency_Key="c")
    assert (status, shown["data"][0]["error"]["code"]) == (422, "denied")
    put_rules(api)
    _, first, _ = await api("POST", "/v1/messages/batch", only_ads, Idempotency_Key="c")
    put_rules(api, NIGHT)
    status, again, _ = await api("POST", "/v1/messages/batch", only_ads, Idempotency_Key="c")
    assert (status, again) == (202, first)
    assert api.front.counts["accepted", "acme", "transactional"] == 4


async def test_a_commit_made_twice_is_no_replay_without_a_key(api, monkeypatch):
    accept = api.front.journal.accept

    async def twice(items):
        await accept(items)
        return await accept(items)

    monkeypatch.setattr(api.front.journal, "accept", twice)
    for path, value in (("/v1/messages", GOOD), ("/v1/messages/batch", [GOOD] * 2)):
        status, _, headers = await api("POST", path, value)
        assert status == 202
        assert "Idempotency-Replayed" not in headers
    assert api.front.counts["accepted", "acme", "transactional"] == 3


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
