"""Requests sent again under their key."""

import asyncio
import time
from datetime import UTC, datetime

import msgspec

from router.journal.port import JournalUnavailable
from router.rule_settings import Rule
from router.terms import Terms

GOOD = {"to": "+447700900123", "text": "hello"}


class Gate(asyncio.Event):
    """An event that tells whether somebody waits for it."""

    waiting = False

    async def wait(self):
        self.waiting = True
        return await super().wait()


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
