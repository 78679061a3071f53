"""Messages from handsets over a real server; and what the view tells of any message."""

import time

from router.ids import make_id, to_text
from router.journal.port import Received
from router.record import Body, EventKind, Inbound, pack_body, pack_event

GOOD = {"to": "+447700900123", "text": "hello"}


async def receive(api, number, tenant="acme", **fields):
    now_ms = time.time_ns() // 1_000_000
    message_id = make_id(now_ms, 5, number.to_bytes(10, "big"))
    values = {
        "tenant": tenant,
        "to": "12345",
        "sender": "447700900123",
        "text": "Stop, please",
        "klass": 1,
        "created_ms": now_ms,
        "expires_ms": now_ms,
        "encoding": "gsm7",
        "segments": 1,
        "country": "GB",
        "network": "23410",
        "currency": "EUR",
        "inbound": Inbound(carrier="one", account=""),
    }
    event = pack_event(now_ms, EventKind.RECEIVED, "one")
    await api.front.journal.receive([Received(message_id, tenant, pack_body(Body(**(values | fields))), event)])
    return to_text(message_id)


async def test_a_received_message_is_shown_with_its_text(api):
    message_id = await receive(api, 1)
    status, shown, _ = await api("GET", f"/v1/messages/{message_id}")
    assert status == 200
    expected = {
        "direction": "inbound",
        "status": "received",
        "from": "+447700900123",
        "to": "12345",
        "text": "Stop, please",
        "carrier": "one",
        "cost": {"amount": "0.000000", "currency": "EUR"},
        "error": None,
    }
    assert {key: shown[key] for key in expected} == expected
    assert shown["completed_at"]
    _, history, _ = await api("GET", f"/v1/messages/{message_id}/events")
    assert [(line["kind"], line["carrier"]) for line in history["data"]] == [("received", "one")]
    status, refused, _ = await api("POST", f"/v1/messages/{message_id}/cancel")
    assert (status, refused["detail"]) == (409, "The message is received.")
    assert (await api("GET", f"/v1/messages/{message_id}", key="globex"))[0] == 404


async def test_both_directions_are_listed_and_told_apart(api):
    await api("POST", "/v1/messages", GOOD)
    await receive(api, 1)
    await receive(api, 2, sender="BANK", to="447700900999", fault="incomplete")
    await receive(api, 3, tenant="globex")
    for query, count in (
        ("", 3),
        ("direction=inbound", 2),
        ("direction=outbound", 1),
        ("status=received", 2),
        ("to=12345", 1),
        ("to=%2B447700900999&direction=inbound", 1),
    ):
        _, page, _ = await api("GET", f"/v1/messages?{query}")
        assert len(page["data"]) == count, query
    (hurt,) = page["data"]
    assert (hurt["from"], hurt["to"], hurt["error"]["name"]) == ("BANK", "+447700900999", "incomplete")
    status, shown, _ = await api("GET", "/v1/messages?direction=up")
    assert (status, shown["errors"][0]["pointer"]) == (400, "?direction")


async def test_a_message_is_shown_as_it_was_asked_for(api):
    _, made, _ = await api("POST", "/v1/messages", GOOD | {"flash": True, "tlvs": {"0x1400": "0A0B"}})
    _, shown, _ = await api("GET", f"/v1/messages/{made['id']}")
    assert (shown["direction"], shown["flash"], shown["tlvs"], shown["udh"]) == ("outbound", True, {"0x1400": "0a0b"}, "")
