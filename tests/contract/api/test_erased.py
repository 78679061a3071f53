"""Messages whose tenant's key was destroyed: gone for their tenant, not found for anybody else, and nothing else is harmed."""

from router.ids import from_text
from router.record import ERASED

GOOD = {"to": "+447700900123", "text": "hello", "client_ref": "r"}


async def erased(api, key="acme"):
    _, shown, _ = await api("POST", "/v1/messages", GOOD, key=key)
    message_id = from_text(shown["id"])
    api.front.journal._book(message_id).records[message_id].body = ERASED  # as a journal gives it
    return shown["id"]


async def test_an_erased_message_is_gone(api):
    message_id = await erased(api)
    _, kept, _ = await api("POST", "/v1/messages", GOOD)
    for method, end in (("GET", ""), ("GET", "/events")):
        status, shown, _ = await api(method, f"/v1/messages/{message_id}{end}")
        assert (status, shown["code"]) == (410, "erased")
        assert "queued" in shown["detail"]
        assert (await api(method, f"/v1/messages/{message_id}{end}", key="globex"))[0] == 404
    _, shown, _ = await api("GET", "/v1/messages")
    assert [row["id"] for row in shown["data"]] == [kept["id"]]


async def test_an_erased_message_can_still_be_cancelled(api):
    message_id = await erased(api)
    assert (await api("POST", f"/v1/messages/{message_id}/cancel", key="globex"))[0] == 404
    assert (await api("POST", f"/v1/messages/{message_id}/cancel"))[0] == 410
    status, shown, _ = await api("GET", f"/v1/messages/{message_id}")
    assert status == 410
    assert "canceled" in shown["detail"]
