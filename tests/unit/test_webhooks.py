"""Webhooks: signed so that the specification's own library agrees, tried again on schedule, the same octets every time."""

import hmac
import json
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from random import Random

import msgspec
import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from router.ids import make_id, to_text
from router.journal.port import Notice
from router.model import ErrorName, State
from router.record import Body, EventKind, Inbound, UnreadableRecord, pack_body, pack_event
from router.webhook_event import event_of
from router.webhooks import (
    EVENT_TYPES,
    RETRY_AFTER_MAX_S,
    SCHEDULE_S,
    Dead,
    Disable,
    Done,
    InvalidSecret,
    RetryAt,
    WebhookAnswer,
    after,
    decode_secret,
    encode_secret,
    event_type,
    headers,
    retry_after_s,
    sign,
    wanted,
)

OLD, NEW = bytes(range(24)), bytes(range(64, 128))
NOW_MS = 1_800_000_000_000


# -- signatures -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("secret", [OLD, NEW])
def test_the_reference_library_verifies_either_secret_while_one_is_replaced(secret):
    now_s = int(datetime.now(UTC).timestamp())
    body = '{"text": "zażółć"}'.encode()
    sent = headers([NEW, OLD], "evt_1", now_s, body)
    assert sent["webhook-signature"].count("v1,") == 2
    assert Webhook(encode_secret(secret)).verify(body.decode(), sent) == {"text": "zażółć"}
    with pytest.raises(WebhookVerificationError):
        Webhook(encode_secret(bytes(32))).verify(body.decode(), sent)
    with pytest.raises(WebhookVerificationError):
        Webhook(encode_secret(secret)).verify(body.decode() + " ", sent)
    with pytest.raises(WebhookVerificationError):
        Webhook(encode_secret(secret)).verify(body.decode(), sent | {"webhook-id": "evt_2"})


def test_a_signature_is_what_the_library_makes():
    at = datetime(2027, 1, 2, tzinfo=UTC)
    assert sign([OLD], "evt_1", int(at.timestamp()), b"{}") == Webhook(encode_secret(OLD)).sign("evt_1", at, "{}")


@pytest.mark.parametrize("size", [0, 1, 24, 63, 64, 65, 200])
def test_a_signature_is_an_hmac_of_any_key(size):
    for body in (b"", b"{}", bytes(range(256)) * 5):
        wanted = hmac.digest(bytes(range(size)), b"evt_1.7." + body, "sha256")
        assert sign([bytes(range(size))], "evt_1", 7, body) == "v1," + b64encode(wanted).decode()


def test_secrets():
    for size in (24, 32, 64):
        assert decode_secret(encode_secret(bytes(size))) == bytes(size)
    for text in (
        "",
        "whsec_",
        b64encode(bytes(32)).decode(),
        encode_secret(bytes(23)),
        encode_secret(bytes(65)),
        encode_secret(bytes(32))[:-1],
        "whsec_" + "é" * 40,
        encode_secret(bytes(32)) + "\n",
        "WHSEC_" + b64encode(bytes(32)).decode(),
    ):
        with pytest.raises(InvalidSecret) as caught:
            decode_secret(text)
        assert text.removeprefix("whsec_") == "" or text not in str(caught.value)


# -- what follows from an answer --------------------------------------------------------------------------------------


def test_the_schedule_is_that_of_the_specification():
    hours = [second / 3_600 for second in SCHEDULE_S]
    assert SCHEDULE_S[:4] == (0, 5, 300, 1_800)
    assert hours[4:] == [2, 5, 10, 14, 20, 24]
    assert sum(SCHEDULE_S) == 75 * 3_600 + 35 * 60 + 5


@pytest.mark.parametrize("tries", range(9))
def test_failures_are_tried_again_on_schedule_with_jitter(tries):
    waits = set()
    for seed in range(50):
        verdict = after(WebhookAnswer(500), tries, NOW_MS, Random(seed))
        assert isinstance(verdict, RetryAt)
        assert not verdict.throttled
        wait_s = (verdict.at_ms - NOW_MS) / 1_000
        assert 0.9 * SCHEDULE_S[tries + 1] <= wait_s <= 1.1 * SCHEDULE_S[tries + 1]
        waits.add(wait_s)
    assert len(waits) > 40


def test_the_same_chance_gives_the_same_wait():
    assert after(WebhookAnswer(500), 3, NOW_MS, Random(1)) == after(WebhookAnswer(500), 3, NOW_MS, Random(1))


def test_the_tenth_failure_is_the_last():
    assert after(WebhookAnswer(500), 9, NOW_MS, Random(1)) == Dead("the endpoint answered 500, after 10 attempts")
    assert after(WebhookAnswer(0, None, "no answer in 15 s"), 12, NOW_MS, Random(1)) == Dead(
        "no answer in 15 s, after 13 attempts"
    )
    assert after(WebhookAnswer(200), 9, NOW_MS, Random(1)) == Done()


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_success(status):
    assert after(WebhookAnswer(status), 0, NOW_MS, Random(1)) == Done()


@pytest.mark.parametrize("status", [0, 101, 199, 301, 302, 304, 307, 400, 401, 404, 500, 503])
def test_all_else_is_a_failure_redirects_too(status):
    verdict = after(WebhookAnswer(status), 0, NOW_MS, Random(1))
    assert isinstance(verdict, RetryAt)
    assert not verdict.throttled


def test_gone_switches_the_endpoint_off():
    assert isinstance(after(WebhookAnswer(410), 0, NOW_MS, Random(1)), Disable)
    assert isinstance(after(WebhookAnswer(410), 9, NOW_MS, Random(1)), Disable)


@pytest.mark.parametrize("status", [429, 502, 504])
def test_throttling_answers_slow_the_endpoint(status):
    verdict = after(WebhookAnswer(status), 0, NOW_MS, Random(1))
    assert isinstance(verdict, RetryAt)
    assert verdict.throttled
    assert 60 <= (verdict.at_ms - NOW_MS) / 1_000 <= 66


@pytest.mark.parametrize(
    ("asked_s", "least_s", "most_s"),
    [(120, 120, 120), (1, 4.5, 5.5), (0, 4.5, 5.5), (10**8, RETRY_AFTER_MAX_S, RETRY_AFTER_MAX_S)],
)
def test_retry_after_lengthens_the_wait_and_never_shortens_it(asked_s, least_s, most_s):
    verdict = after(WebhookAnswer(503, asked_s), 0, NOW_MS, Random(1))
    assert isinstance(verdict, RetryAt)
    assert least_s <= (verdict.at_ms - NOW_MS) / 1_000 <= most_s


def test_retry_after_is_read_in_both_its_forms():
    at = datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC)

    def http(moment):
        return moment.strftime("%a, %d %b %Y %H:%M:%S GMT")

    assert retry_after_s("120") == 120
    assert retry_after_s(" 0 ") == 0
    assert retry_after_s(http(at + timedelta(seconds=90)), http(at)) == 90
    assert retry_after_s(http(at), http(at + timedelta(seconds=90))) == 0
    for value, date in (("", ""), ("-1", ""), ("1.5", ""), ("soon", http(at)), (http(at), ""), (http(at), "x"), ("9" * 10, "")):
        assert retry_after_s(value, date) is None


# -- events -----------------------------------------------------------------------------------------------------------

ID = make_id(1_700_000_000_123, 5, bytes(10))
BODY = Body(
    tenant="shop",
    to="447700900123",
    sender="SHOP",
    text="secret words",
    klass=0,
    created_ms=1_700_000_000_123,
    expires_ms=1_700_000_300_123,
    encoding="gsm7",
    segments=2,
    country="GB",
    network="23410",
    client_ref="order-7",
    batch_id="b1",
    tags=("a", "b"),
    metadata={"k": "v"},
    webhook_url="https://a.example/token",
    cost_micros=70_500,
    currency="EUR",
)
HISTORY = (
    pack_event(1_700_000_000_200, EventKind.ASSIGNED, "acme", 1, b"\x01" * 8, 0, False)
    + pack_event(1_700_000_000_250, EventKind.SUBMITTED, "acme", ["x1", "x2"], 48_000)
    + pack_event(1_700_000_003_500, EventKind.RECEIPT, "acme", 1, "DELIVRD", "000")
)


def notice(state, last, tries=0):
    return Notice(f"evt_{to_text(ID)}_{int(state)}", ID, state, tries, pack_body(BODY), HISTORY + last)


def test_an_event_tells_the_message_as_the_api_does():
    event = json.loads(event_of(notice(State.DELIVERED, pack_event(1_700_000_003_500, EventKind.FINAL, 16, None, None, None))))
    assert event["id"] == f"evt_{to_text(ID)}_16"
    assert event["type"] == "message.delivered"
    assert event["timestamp"] == "2023-11-14T22:13:23.500Z"
    data = event["data"]
    expected = {
        "id": to_text(ID),
        "status": "delivered",
        "to": "+447700900123",
        "from": "SHOP",
        "class": "otp",
        "segments": 2,
        "encoding": "gsm7",
        "client_ref": "order-7",
        "batch_id": "b1",
        "tags": ["a", "b"],
        "metadata": {"k": "v"},
        "created_at": "2023-11-14T22:13:20.123Z",
        "sent_at": "2023-11-14T22:13:20.250Z",
        "completed_at": "2023-11-14T22:13:23.500Z",
        "carrier": "acme",
        "error": None,
    }
    assert {key: data[key] for key in expected} == expected
    assert data["cost"]["currency"] == "EUR"
    assert set(data).isdisjoint({"text", "webhook_url", "attempts"})


def test_an_event_of_a_failure_carries_the_error():
    last = pack_event(1_700_000_009_000, EventKind.FINAL, int(State.UNDELIVERED), ErrorName.NOT_DELIVERED.value, True, "011")
    event = json.loads(event_of(notice(State.UNDELIVERED, last)))
    assert event["type"] == "message.undelivered"
    error = event["data"]["error"]
    assert (error["name"], error["permanent"], error["carrier_code"]) == ("not_delivered", True, "011")
    assert isinstance(error["code"], int)


def test_a_message_from_a_handset_is_told_with_its_text():
    body = msgspec.structs.replace(
        BODY, to="12345", sender="447700900123", text="Stop", webhook_url="", inbound=Inbound(carrier="acme", account="gate")
    )
    events = pack_event(1_700_000_000_900, EventKind.RECEIVED, "acme")
    told = Notice(f"evt_{to_text(ID)}_23", ID, State.RECEIVED, 0, pack_body(body), events)
    event = json.loads(event_of(told))
    assert (event["type"], event["timestamp"]) == ("message.received", "2023-11-14T22:13:20.123Z")
    expected = {
        "direction": "inbound",
        "status": "received",
        "from": "+447700900123",
        "to": "12345",
        "text": "Stop",
        "carrier": "acme",
        "error": None,
    }
    assert {key: event["data"][key] for key in expected} == expected
    assert set(event["data"]).isdisjoint({"webhook_url", "attempts"})
    incomplete = told._replace(body=pack_body(msgspec.structs.replace(body, fault="incomplete", to="447700900999")))
    data = json.loads(event_of(incomplete))["data"]
    assert (data["error"]["name"], data["error"]["code"], data["to"]) == ("incomplete", 105, "+447700900999")


def test_an_event_is_the_same_octets_on_every_attempt():
    last = pack_event(1_700_000_003_500, EventKind.FINAL, 16, None, None, None)
    assert event_of(notice(State.DELIVERED, last)) == event_of(notice(State.DELIVERED, last, tries=5))


def test_an_event_without_a_final_line_has_a_time_all_the_same():
    event = json.loads(event_of(notice(State.DELIVERED, b"")))
    assert event["timestamp"] == "2023-11-14T22:13:20.123Z"


@pytest.mark.parametrize(("body", "events"), [(b"", b""), (b"\xc1", b""), (pack_body(BODY), b"\xc1")])
def test_a_record_that_cannot_be_read_is_told(body, events):
    with pytest.raises(UnreadableRecord):
        event_of(notice(State.DELIVERED, b"")._replace(body=body, events=events))


def test_event_types_and_who_wants_them():
    assert event_type(State.UNCONFIRMED) == "message.delivery_unconfirmed"
    assert len(EVENT_TYPES) == 8
    assert all(wanted(["message.*"], kind) and wanted(["*"], kind) and wanted([kind], kind) for kind in EVENT_TYPES)
    assert not wanted([], "message.delivered")
    assert not wanted(["message.failed", "batch.*", "message", "mess.*"], "message.delivered")
    assert wanted(["message.failed", "message.delivered"], "message.delivered")
