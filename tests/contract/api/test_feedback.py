"""Feedback over a real server: whether the codes that were sent were used."""

import json

import pytest

from router.brain.port import Outcome
from router.ids import from_text, partition_of
from router.journal.port import Assign, JournalUnavailable, Receipt, Submitted
from router.model import MessageClass, State
from router.record import EventKind, pack_event

CODE = {"to": "+447700900123", "text": "4711", "class": "otp"}
OWNER = "carrier:one#0"


async def accepted(api, **fields):
    status, shown, _ = await api("POST", "/v1/messages", CODE | fields)
    assert status == 202
    return shown["id"]


async def sent(api, *, delivered=True, latency_us=100_000, **fields):
    """A message that the carrier one took, as its actors would write it; returns its id and when the submit was answered."""
    text = await accepted(api, **fields)
    journal, wanted = api.front.journal, from_text(text)
    now_ms = api.front.now_ms()
    await journal.lease_partitions("d", 1, [partition_of(wanted)], 60)
    await journal.claim("d", 1, [partition_of(wanted)], dict.fromkeys(MessageClass, 100))
    epoch, _, _ = await journal.register(OWNER, "i", 60)
    event = pack_event(now_ms, EventKind.ASSIGNED, "one", 1, b"decision", 0, False)
    assert await journal.assign(OWNER, epoch, [Assign(wanted, 0, event)]) == [True]
    event = pack_event(now_ms, EventKind.SUBMITTED, "one", [text], latency_us)
    await journal.submitted(OWNER, "one", [Submitted(wanted, (text,), now_ms + 60_000, event)])
    if delivered:
        event = pack_event(now_ms, EventKind.RECEIPT, "one", text, "DELIVRD", "000")
        final = pack_event(now_ms, EventKind.FINAL, int(State.DELIVERED), "", False, "000")
        await journal.receipts("one", [Receipt(text, State.DELIVERED, event, final)])
    return text, now_ms


async def test_a_code_that_was_used_is_in_the_history_and_told_to_the_brain(api):
    text, sent_ms = await sent(api)
    status, shown, headers = await api("POST", f"/v1/messages/{text}/feedback", {"outcome": "converted"})
    assert status == 202
    assert (shown["id"], shown["outcome"], shown["fresh"]) == (text, "converted", True)
    assert "x-ratelimit-limit" in headers
    (seen,) = api.front.seen
    assert (seen.carrier, seen.network, seen.klass, seen.outcome) == ("one", "23410", MessageClass.OTP, Outcome.CONVERTED)
    assert (seen.tenant, seen.first) == ("acme", True)
    assert seen.age_s == pytest.approx(seen.at_s - sent_ms / 1000 + 0.1, abs=1e-5)
    assert seen.after_s == pytest.approx(seen.at_s - sent_ms / 1000, abs=1e-5)  # seconds since 1970 are exact to 0.2 µs
    _, history, _ = await api("GET", f"/v1/messages/{text}/events")
    assert history["data"][-1] == {"at": shown["at"], "kind": "feedback", "outcome": "converted"}
    _, view, _ = await api("GET", f"/v1/messages/{text}")
    assert view["status"] == "delivered"


async def test_told_again_it_does_no_harm_and_another_outcome_is_refused(api):
    text, _ = await sent(api)
    path = f"/v1/messages/{text}/feedback"
    _, first, _ = await api("POST", path, {"outcome": "not_converted"})
    status, again, _ = await api("POST", path, {"outcome": "not_converted", "at": "2035-01-01T00:00:00Z"})
    assert (status, again["code"]) == (422, "invalid_feedback")
    status, again, _ = await api("POST", path, {"outcome": "not_converted"})
    assert (status, again) == (202, first | {"fresh": False})
    status, refused, _ = await api("POST", path, {"outcome": "converted"})
    assert (status, refused["code"]) == (409, "feedback_given")
    assert [seen.outcome for seen in api.front.seen] == [Outcome.NOT_CONVERTED]


async def test_a_code_used_before_any_receipt_says_so(api):
    text, _ = await sent(api, delivered=False)
    assert (await api("POST", f"/v1/messages/{text}/feedback", {"outcome": "converted"}))[0] == 202
    assert api.front.seen[0].after_s == -1.0


async def test_other_classes_are_kept_and_name_no_tenant(api):
    text, _ = await sent(api, **{"class": "transactional"})
    assert (await api("POST", f"/v1/messages/{text}/feedback", {"outcome": "converted"}))[0] == 202
    assert api.front.seen[0].tenant == ""


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ('{"outcome": "maybe"}', 422, "invalid_feedback"),
        ('{"outcome": "converted", "when": 1}', 422, "invalid_feedback"),
        ("{}", 422, "invalid_feedback"),
        ("{", 400, "malformed_body"),
        ('{"outcome": "converted", "at": "2035-01-01T00:00:00Z"}', 422, "invalid_feedback"),
        ('{"outcome": "converted", "at": "2001-01-01T00:00:00Z"}', 422, "invalid_feedback"),
        ('{"outcome": "converted", "at": "2026-01-01T00:00:00"}', 422, "invalid_feedback"),
    ],
)
async def test_what_is_no_feedback_is_refused_by_name(api, body, status, code):
    text, _ = await sent(api)
    path = f"/v1/messages/{text}/feedback"
    found = await api("POST", path, data=body, Content_Type="application/json")
    assert (found[0], found[1]["code"]) == (status, code)
    assert api.front.seen == []


async def test_what_was_not_sent_and_what_is_anothers(api):
    text = await accepted(api)
    status, shown, _ = await api("POST", f"/v1/messages/{text}/feedback", {"outcome": "converted"})
    assert (status, shown["code"]) == (409, "not_sent")
    for path, key, code in (
        (f"/v1/messages/{text}/feedback", "globex", "not_found"),
        ("/v1/messages/nonsense/feedback", "acme", "not_found"),
        (f"/v1/messages/{text}/feedback", "reader", "forbidden"),
    ):
        assert (await api("POST", path, {"outcome": "converted"}, key=key))[1]["code"] == code


@pytest.mark.parametrize("lines", [False, True])
async def test_many_at_once_have_a_result_each(api, lines):
    text, _ = await sent(api)
    status, shown, _ = await api("GET", f"/v1/messages/{text}")
    at = shown["completed_at"]
    items = [
        {"id": text, "outcome": "converted", "at": at},
        {"id": text, "outcome": "converted", "at": at},
        {"id": text.lower(), "outcome": "not_converted", "at": at},
        {"id": "nonsense", "outcome": "converted", "at": at},
        {"id": text, "outcome": "converted"},
    ]
    data = "\n".join(map(json.dumps, items)) if lines else json.dumps(items)
    media = "application/x-ndjson" if lines else "application/json"
    status, shown, _ = await api("POST", "/v1/feedback", data=data, Content_Type=media)
    assert status == 202
    assert shown["meta"] == {"accepted": 2, "refused": 3}
    assert [one["index"] for one in shown["data"]] == list(range(5))
    assert [one["feedback"]["fresh"] for one in shown["data"][:2]] == [True, False]
    assert [one["error"]["code"] for one in shown["data"][2:]] == ["feedback_given", "not_found", "invalid_feedback"]
    assert len(api.front.seen) == 1


async def test_a_batch_without_a_good_item_and_one_too_large(api):
    status, shown, _ = await api("POST", "/v1/feedback", [{"id": "x"}])
    assert (status, shown["meta"]) == (422, {"accepted": 0, "refused": 1})
    for value, code in (([], "malformed_body"), ({}, "malformed_body"), ([1] * 1_001, "too_large")):
        assert (await api("POST", "/v1/feedback", value))[1]["code"] == code


async def test_without_a_journal_nothing_is_told(api, monkeypatch):
    text, _ = await sent(api)

    async def fails(_items):
        raise JournalUnavailable("gone")

    monkeypatch.setattr(api.front.journal, "note", fails)
    status, shown, headers = await api("POST", f"/v1/messages/{text}/feedback", {"outcome": "converted"})
    assert (status, shown["code"], headers["retry-after"]) == (503, "journal_unavailable", "1")
    assert api.front.seen == []
