"""Reading over a real server: messages, pages, histories, carriers, the board, dead letters, operations."""

import msgpack
import pytest

from router.api.port import CarrierStatus
from router.brain.cells import Cell, Cells
from router.brain.port import Board, CarrierView
from router.brain.probes import DOUBT_PROBE_S, PROBE_LATER_S, PROBE_S, STALE_PROBE_S
from router.history import decision_name
from router.ids import from_text, partition_of
from router.journal.port import Assign, Finish, JournalUnavailable, Submitted
from router.model import MessageClass, State
from router.record import EventKind, pack_event

GOOD = {"to": "+447700900123", "text": "hello"}
ROW = {
    "board": 7,
    "network": "23410",
    "class": 1,
    "considered": [["one", 10_000, 0.9, 3.5, 0.0, 23_500.0], ["two", 9_000, 0.5, 9.0, 0.0, 70_000.0, 0.05]],
    "excluded": {"three": "does not cover GB"},
    "policy": "",
}


async def sent(api, **fields):
    status, shown, _ = await api("POST", "/v1/messages", GOOD | fields)
    assert status == 202
    return shown["id"]


async def assigned(api, message_id, now_ms=1_768_469_400_000, *, explored=True):
    """Take a message to a carrier as dispatcher and carrier would."""
    journal, wanted = api.front.journal, from_text(message_id)
    await journal.lease_partitions("d", 1, [partition_of(wanted)], 60)
    claimed, _ = await journal.claim("d", 1, [partition_of(wanted)], dict.fromkeys(MessageClass, 100))
    assert wanted in {one.id for one in claimed}
    epoch, _, _ = await journal.register("carrier:one#0", "i", 60)
    event = pack_event(now_ms, EventKind.ASSIGNED, "one", 1, b"decision", 1, explored)
    assert await journal.assign("carrier:one#0", epoch, [Assign(wanted, 0, event)]) == [True]
    return wanted


async def test_a_history_tells_why_each_route_was_taken(api):
    message_id = await sent(api)
    wanted = await assigned(api, message_id)
    submitted = pack_event(1_768_469_400_050, EventKind.SUBMITTED, "one", ["abc"], 28_000)
    await api.front.journal.submitted("carrier:one#0", "one", [Submitted(wanted, ("abc",), 1_768_555_800_000, submitted)])
    _, before, _ = await api("GET", f"/v1/messages/{message_id}/events")
    assert [line["kind"] for line in before["data"]] == ["accepted", "assigned", "submitted"]
    assert before["data"][1]["explanation"] is None  # not kept (any more)
    await api.front.journal.put_value(decision_name(b"decision"), msgpack.packb([{}, ROW]))
    status, shown, _ = await api("GET", f"/v1/messages/{message_id}/events")
    assert status == 200
    line = shown["data"][1]
    assert (line["carrier"], line["attempt"], line["explored"], line["at"]) == ("one", 1, True, "2026-01-15T09:30:00.000Z")
    assert line["explanation"]["class"] == "transactional"
    assert line["explanation"]["excluded"] == {"three": "does not cover GB"}
    assert line["explanation"]["considered"][0] == {
        "carrier": "one",
        "price_micros": 10_000.0,
        "success": 0.9,
        "wait_s": 3.5,
        "shadow_micros": 0.0,
        "total_micros": 23_500.0,
        "spread": None,
    }
    assert shown["data"][2]["carrier_ids"] == ["abc"]
    _, seen, _ = await api("GET", f"/v1/messages/{message_id}")
    assert (seen["status"], seen["carrier"], seen["attempts"]) == ("sent", "one", 1)
    assert seen["sent_at"] == "2026-01-15T09:30:00.050Z"


async def test_a_history_tells_what_was_to_be_learned_and_what_was_amiss(api):
    message_id = await sent(api)
    await assigned(api, message_id, explored="draw")
    row = ROW | {"board": 0, "rule": "own, thrift", "note": "there was no scoreboard"}
    await api.front.journal.put_value(decision_name(b"decision"), msgpack.packb([{}, row]))
    _, shown, _ = await api("GET", f"/v1/messages/{message_id}/events")
    line = shown["data"][1]
    assert (line["explored"], line["explored_why"]) == (True, "draw")
    told = line["explanation"]
    assert (told["board"], told["rule"], told["note"]) == (0, "own, thrift", "there was no scoreboard")
    assert [one["spread"] for one in told["considered"]] == [None, 0.05]


@pytest.mark.parametrize("explored", [True, False])
async def test_a_history_of_an_earlier_release_gives_no_reason(api, explored):
    message_id = await sent(api)
    await assigned(api, message_id, explored=explored)
    _, shown, _ = await api("GET", f"/v1/messages/{message_id}/events")
    assert shown["data"][1]["explored"] is explored
    assert "explored_why" not in shown["data"][1]


async def test_a_message_that_no_carrier_may_take_tells_why(api):
    message_id = await sent(api)
    wanted = from_text(message_id)
    journal = api.front.journal
    await journal.lease_partitions("d", 1, [partition_of(wanted)], 60)
    await journal.claim("d", 1, [partition_of(wanted)], dict.fromkeys(MessageClass, 100))
    row = ROW | {"considered": [], "excluded": {"one": "disabled", "two": "tried"}}
    await journal.put_value(decision_name(b"decision"), msgpack.packb([{}, row]))
    event = pack_event(1, EventKind.UNROUTED, "", 2, b"decision", 1)
    event += pack_event(1, EventKind.FINAL, int(State.REJECTED), "no_route", True, "")
    await journal.finish("", [Finish(wanted, State.REJECTED, event)])
    _, shown, _ = await api("GET", f"/v1/messages/{message_id}/events")
    line, final = shown["data"][1:]
    assert (line["kind"], line["attempt"], line["explanation"]["excluded"]) == (
        "unrouted",
        2,
        {"one": "disabled", "two": "tried"},
    )
    assert "carrier" not in line
    assert final["status"] == "rejected"
    _, seen, _ = await api("GET", f"/v1/messages/{message_id}")
    assert (seen["status"], seen["carrier"]) == ("rejected", None)


async def test_an_ended_message_tells_its_error(api):
    message_id = await sent(api)
    wanted = await assigned(api, message_id)
    event = pack_event(1_768_469_460_000, EventKind.FINAL, int(State.FAILED), "invalid_destination", True, "11")
    await api.front.journal.finish("carrier:one#0", [Finish(wanted, State.FAILED, event)])
    _, seen, _ = await api("GET", f"/v1/messages/{message_id}")
    assert (seen["status"], seen["completed_at"]) == ("failed", "2026-01-15T09:31:00.000Z")
    assert seen["error"] == {"code": 301, "name": "invalid_destination", "permanent": True, "carrier_code": "11"}
    _, history, _ = await api("GET", f"/v1/messages/{message_id}/events")
    assert history["data"][-1]["status"] == "failed"
    assert history["data"][-1]["error"]["name"] == "invalid_destination"


async def test_a_decision_table_nobody_can_read_explains_nothing(api):
    message_id = await sent(api)
    await assigned(api, message_id)
    for table in (b"\xc1", msgpack.packb(7), msgpack.packb([1, {"board": "x"}]), msgpack.packb([])):
        await api.front.journal.put_value(decision_name(b"decision"), table)
        status, shown, _ = await api("GET", f"/v1/messages/{message_id}/events")
        assert (status, shown["data"][1]["explanation"]) == (200, None)


async def test_cancelling_and_being_too_late(api):
    first, second = await sent(api), await sent(api)
    for _ in range(2):
        status, shown, _ = await api("POST", f"/v1/messages/{first}/cancel")
        assert (status, shown["status"], shown["error"]) == (200, "canceled", None)
        assert shown["completed_at"]
    await assigned(api, second)
    status, shown, _ = await api("POST", f"/v1/messages/{second}/cancel")
    assert (status, shown["code"]) == (409, "not_cancelable")
    assert (await api("POST", f"/v1/messages/{first}/cancel", key="globex"))[0] == 404
    assert (await api("POST", f"/v1/messages/{first}/cancel", key="reader"))[0] == 403
    assert (await api("GET", f"/v1/messages/{first}", key="sender"))[0] == 403


@pytest.mark.parametrize("message_id", ["nonsense", "8" * 26, "0" * 26, "U" * 26])
async def test_what_is_no_message_is_not_found(api, message_id):
    for method, end in (("GET", ""), ("GET", "/events"), ("POST", "/cancel")):
        status, shown, _ = await api(method, f"/v1/messages/{message_id}{end}")
        assert (status, shown["code"]) == (404, "not_found")


async def test_pages_hold_everything_once_newest_first(api):
    batch = [GOOD | {"client_ref": str(n), "to": f"+4477009001{n:02d}"} for n in range(25)]
    _, made, _ = await api("POST", "/v1/messages/batch", batch)
    await sent(api, client_ref="alone")
    seen, cursor = [], ""
    while cursor is not None:
        status, page, _ = await api("GET", "/v1/messages?limit=7" + (f"&after={cursor}" if cursor else ""))
        assert status == 200
        assert len(page["data"]) <= 7
        assert page["meta"]["has_more"] == (page["meta"]["next_cursor"] is not None)
        seen += [row["id"] for row in page["data"]]
        cursor = page["meta"]["next_cursor"]
    assert len(seen) == len(set(seen)) == 26
    assert seen == sorted(seen, reverse=True)
    for query, count in (
        ("client_ref=3", 1),
        ("to=%2B447700900199", 0),
        ("to=%2B447700900100", 1),
        ("to=+447700900100", 1),
        (f"batch_id={made['meta']['batch_id']}", 25),
        (f"batch_id={made['meta']['batch_id'].lower()}&client_ref=3", 1),
        ("status=queued", 26),
        ("status=accepted", 26),
        ("status=delivered", 0),
        ("created_after=2020-01-01T00:00:00Z", 26),
        ("created_after=2999-01-01T00:00:00Z", 0),
    ):
        _, page, _ = await api("GET", f"/v1/messages?limit=500&{query}")
        assert len(page["data"]) == count, query


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=501", "limit=x", "after=x", "status=gone", "to=12", "colour=red", "limit=1&limit=2", "created_after=now",
              "batch_id=x", "client_ref=", "created_after=2020-01-01T00:00:00", "to=%ff"],
)  # fmt: skip
async def test_bad_queries_name_their_parameter(api, query):
    from yarl import URL

    async with api.session.get(
        URL(f"{api.url}/v1/messages?{query}", encoded=True), headers={"Authorization": f"Bearer {api.keys['acme']}"}
    ) as answer:
        shown = await answer.json(content_type=None)
    assert (answer.status, shown["code"]) == (400, "invalid_query")
    if "%" not in query:
        assert shown["errors"][0]["pointer"] == f"?{query.split('=')[0]}"


async def test_a_preview_sends_nothing_and_tells_the_route(api):
    api.front.plan = lambda body: ROW | {"network": body.network}
    status, shown, _ = await api("POST", "/v1/messages/preview", GOOD | {"text": "a" * 200})
    assert status == 200
    assert shown["accepted"] is True
    assert (shown["to"], shown["country"], shown["network"]) == ("+447700900123", "GB", "23410")
    assert (shown["encoding"], shown["units"], shown["segments"]) == ("gsm7", 200, 2)
    assert shown["cost"]["amount"] == "0.020000"
    assert (shown["carrier"], shown["route"]["board"]) == ("one", 7)
    assert (await api("GET", "/v1/messages"))[1]["data"] == []


async def test_a_preview_shows_what_would_be_replaced(api):
    asked = GOOD | {"text": "“Hi” – it’s 5 °… " + "é" * 60, "transliterate": True}
    _, shown, _ = await api("POST", "/v1/messages/preview", asked)
    assert (shown["text"], shown["replaced"], shown["encoding"]) == (None, [], "ucs2")  # the degree would make it UCS-2 anyway
    asked["text"] = asked["text"].replace("°", "")
    _, shown, _ = await api("POST", "/v1/messages/preview", asked)
    assert (shown["encoding"], shown["segments"]) == ("gsm7", 1)
    assert shown["text"].startswith('"Hi" - it\'s 5')
    assert shown["replaced"][0] == {"character": "“", "by": '"', "times": 1}
    _, shown, _ = await api("POST", "/v1/messages/preview", asked | {"transliterate": False})
    assert (shown["text"], shown["replaced"], shown["encoding"], shown["segments"]) == (None, [], "ucs2", 2)


async def test_a_preview_tells_what_would_refuse_it(api):
    api.front.shed = {MessageClass.MARKETING: "70 % full"}
    for _ in range(5):
        await api("POST", "/v1/messages", GOOD, key="small")
    status, shown, _ = await api("POST", "/v1/messages/preview", GOOD | {"to": "+33612345678", "class": "marketing"}, key="small")
    assert status == 200
    assert shown["accepted"] is False
    assert [problem["code"] for problem in shown["refused_by"]] == ["no_route", "shed", "rate_limited"]
    assert (shown["country"], shown["cost"], shown["carrier"]) == ("FR", None, None)


async def test_carriers_show_their_state_and_no_secrets(api):
    api.front.live = [
        CarrierStatus(
            "one",
            bound=2,
            sessions=2,
            receivers=2,
            speed_mps=90.0,
            window_used=3,
            window=20,
            breaker="half_open",
            suggestion="receipt ids would match as strip_zeros: 48 of 50",
        )
    ]
    for key in ("reader", "admin"):
        status, shown, _ = await api("GET", "/v1/carriers", key=key)
        assert status == 200
        one, two = shown["data"]
        assert (one["name"], one["bound"], one["speed_mps"], one["breaker"], one["reason"]) == ("one", 2, 90.0, "half_open", "")
        assert (one["suggestion"], two["suggestion"]) == ("receipt ids would match as strip_zeros: 48 of 50", "")
        assert (two["enabled"], two["reason"]) == (False, "disabled in the settings")
        assert "hidden" not in str(shown)
        assert "127.0.0.1" not in str(shown)
    assert (await api("GET", "/v1/carriers", key="sender"))[0] == 403


async def test_the_board(api):
    status, shown, _ = await api("GET", "/v1/board")
    assert (status, shown["version"], shown["age_s"]) == (200, 0, None)
    view = CarrierView("one", "open", 5.0, "41 of 50 refused", True, 100, 80, 5, 15.0)
    cells = Cells.of({"one|GB|0": Cell(0.9, 3.0, 40.0, 0.01), "one|*|0": Cell(0.5, 9.0, 0.0, 0.3)})
    probes = {"one|*": PROBE_LATER_S, "one|234": PROBE_S, "one|208": STALE_PROBE_S, "one|*|0": DOUBT_PROBE_S}
    api.front.newest = Board(3, api.front.now_ms() / 1000 - 7.0, {"one": view}, cells, {"plans": 2}, probes)
    api.front.live = [CarrierStatus("one", shadow_micros_per_s=1_250)]
    _, shown, _ = await api("GET", "/v1/board")
    assert 7.0 <= shown["age_s"] < 17.0
    assert shown["currency"] == "EUR"
    one = shown["carriers"][0]
    assert (one["suspect_in"], one["shadow_micros_per_s"]) == (["*", "234"], 1_250)
    assert (shown["carriers"][0]["breaker"], shown["carriers"][0]["reason"]) == ("open", "41 of 50 refused")
    assert {(cell["network"], cell["class"], cell["price_micros"]) for cell in shown["cells"]} == {
        ("GB", "otp", 10_000),
        ("*", "otp", None),
    }
    _, shown, _ = await api("GET", "/v1/board?network=GB&carrier=one")
    assert len(shown["cells"]) == 1
    assert (await api("GET", "/v1/board?carrier=nobody"))[0] == 404


async def test_dead_letters_are_the_tenants_own(api):
    ids = {}
    for key in ("acme", "globex"):
        _, shown, _ = await api("POST", "/v1/messages", GOOD, key=key)
        ids[key] = shown["id"]
        await api("POST", f"/v1/messages/{shown['id']}/cancel", key=key)
    journal = api.front.journal
    notices = await journal.claim_notices("c", range(64), 10, 60)
    assert len(notices) == 2
    await journal.bury_notices(notices)
    _, shown, _ = await api("GET", "/v1/webhooks/dead")
    assert [row["message_id"] for row in shown["data"]] == [ids["acme"]]
    assert shown["data"][0]["type"] == "message.canceled"
    _, everything, _ = await api("GET", "/v1/webhooks/dead", key="admin")
    assert {row["message_id"] for row in everything["data"]} == set(ids.values())
    foreign = next(row["event_id"] for row in everything["data"] if row["tenant"] == "globex")
    status, _, _ = await api("POST", "/v1/webhooks/dead/replay", {"event_ids": [foreign]})
    assert status == 404
    assert (await api("POST", "/v1/webhooks/dead/replay", key="reader"))[0] == 403
    status, shown, _ = await api("POST", "/v1/webhooks/dead/replay")
    assert (status, shown) == (202, {"replayed": 1})
    assert (await api("GET", "/v1/webhooks/dead"))[1]["data"] == []
    status, shown, _ = await api("POST", "/v1/webhooks/dead/replay", {"event_ids": [foreign]}, key="admin")
    assert (status, shown) == (202, {"replayed": 1})
    assert (await api("POST", "/v1/webhooks/dead/replay", {"event_ids": 1}))[0] == 400


async def test_operations(api):
    status, shown, _ = await api("GET", "/healthz", key=None)
    assert (status, shown["status"], shown["durability"]) == (200, "ok", "degraded")
    assert (await api("GET", "/readyz", key=None))[1] == {"ready": True, "reasons": []}
    api.front.faults = ["the journal does not answer"]
    status, shown, headers = await api("GET", "/readyz", key=None)
    assert (status, shown["reasons"]) == (503, ["the journal does not answer"])
    assert headers["Retry-After"] == "1"
    await api("POST", "/v1/messages", GOOD)
    status, shown, headers = await api("GET", "/metrics", key=None)
    assert status == 200
    assert headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert b"accepted/acme/transactional" in shown


async def test_a_journal_that_does_not_answer(api, monkeypatch):
    message_id = await sent(api)

    async def down(*_, **__):
        raise JournalUnavailable("no server")

    for name in ("read", "list_ids", "cancel", "health", "dead_notices"):
        monkeypatch.setattr(api.front.journal, name, down)
    for method, path in (
        ("GET", f"/v1/messages/{message_id}"),
        ("GET", f"/v1/messages/{message_id}/events"),
        ("POST", f"/v1/messages/{message_id}/cancel"),
        ("GET", "/v1/messages"),
        ("GET", "/v1/webhooks/dead"),
    ):
        status, shown, headers = await api(method, path)
        assert (status, shown["code"], headers["Retry-After"]) == (503, "journal_unavailable", "1")
    status, shown, _ = await api("GET", "/healthz", key=None)
    assert (status, shown["durability"]) == (200, "unknown")


async def test_records_tell_decisions_and_no_content(api):
    message_id = await sent(api)
    wanted = await assigned(api, message_id)
    await api.front.journal.put_value(decision_name(b"decision"), msgpack.packb([{}, ROW]))
    submitted = pack_event(1_768_469_400_050, EventKind.SUBMITTED, "one", ["abc"], 28_000)
    await api.front.journal.submitted("carrier:one#0", "one", [Submitted(wanted, ("abc",), 1_768_555_800_000, submitted)])
    status, shown, _ = await api("GET", "/v1/records")
    assert status == 200
    (record,) = shown["data"]
    assert (record["id"], record["carrier"], record["outcome"], record["class"]) == (
        message_id,
        "one",
        "pending",
        "transactional",
    )
    assert record["considered"][0] == ["one", 10_000, 0.9, 3.5, 0, 23_500, None, 0]
    assert not {"text", "to", "from"} & record.keys()
    assert "447700900123" not in str(shown)


async def test_records_come_in_pages_of_the_asked_span_and_class(api):
    ids = [await sent(api, **{"class": klass}) for klass in ("otp", "marketing", "otp", "otp")]
    _, first, _ = await api("GET", "/v1/records?limit=2&class=otp")
    _, second, _ = await api("GET", f"/v1/records?limit=2&class=otp&after={first['meta']['next_cursor']}")
    found = [one["id"] for page in (first, second) for one in page["data"]]
    assert sorted(found) == sorted([ids[0], *ids[2:]])
    assert not second["meta"]["has_more"]
    _, none, _ = await api("GET", "/v1/records?created_before=2020-01-01T00:00:00Z")
    assert none["data"] == []
    _, all_, _ = await api("GET", "/v1/records?created_after=2020-01-01T00:00:00Z")
    assert len(all_["data"]) == 4


async def test_records_are_ones_own_and_asked_for_correctly(api):
    await sent(api)
    _, shown, _ = await api("GET", "/v1/records", key="globex")
    assert shown["data"] == []
    assert (await api("GET", "/v1/records", key="sender"))[0] == 403
    assert (await api("GET", "/v1/records?class=vip"))[0] == 400
