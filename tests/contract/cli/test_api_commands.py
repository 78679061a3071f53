"""Commands over the REST API."""

import json
import socket
import threading
import time

import msgpack
import pytest

from actors.cli.api_client import Api, ApiError
from router.api.port import CarrierStatus
from router.brain.cells import Cell, Cells
from router.brain.port import Board, CarrierView
from router.history import decision_name
from router.ids import PARTITIONS, from_text, partition_of
from router.journal.port import Assign, Finish, Submitted
from router.keys import make_key
from router.model import MessageClass, State
from router.record import EventKind, pack_event

TO = "+447700900123"
ROW = {
    "board": 7,
    "network": "GB",
    "class": 1,
    "considered": [["one", 10_000, 0.9, 3.5, 0.0, 23_500.0], ["three", 9_000, 0.5, 9.0, 0.0, 70_000.0]],
    "excluded": {"two": "does not go there"},
    "policy": "",
}
OWNER = "carrier:one#0"


def now_ms():
    return time.time_ns() // 1_000_000


async def assign(journal, message_id):
    wanted = from_text(message_id)
    await journal.put_value(decision_name(b"decision"), msgpack.packb([ROW]))
    await journal.lease_partitions("d", 1, [partition_of(wanted)], 60)
    await journal.claim("d", 1, [partition_of(wanted)], dict.fromkeys(MessageClass, 100))
    epoch, _, _ = await journal.register(OWNER, "i", 60)
    event = pack_event(now_ms(), EventKind.ASSIGNED, "one", 1, b"decision", 0, False)
    assert await journal.assign(OWNER, epoch, [Assign(wanted, 0, event)]) == [True]
    return wanted


async def submit(journal, wanted):
    event = pack_event(now_ms(), EventKind.SUBMITTED, "one", ["abc"], 28_000)
    await journal.submitted(OWNER, "one", [Submitted(wanted, ("abc",), now_ms() + 60_000, event)])


async def end(journal, wanted, state, *details):
    await journal.finish(OWNER, [Finish(wanted, state, pack_event(now_ms(), EventKind.FINAL, int(state), *details))])


def test_a_message_is_sent(here, served, key):
    result = here("send", TO, "hello", "--from", "ACME", "--class", "otp", "--client-ref", "r-1")
    assert result.exit_code == 0, result.output
    message_id, status = result.stdout.split()
    assert status == "accepted"
    api = Api(served.url, key)
    message = api.get(f"/v1/messages/{message_id}", expect=())
    api.close()
    assert (message["to"], message["from"], message["class"], message["client_ref"]) == (TO, "ACME", "otp", "r-1")
    assert json.loads(here("send", TO, "hello", "--json").stdout)["segments"] == 1


def test_what_the_api_refuses_is_told_in_a_sentence(here):
    result = here("send", "12", "hello", "--from", "much too long for one")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "/to" in result.stderr
    assert "/from" in result.stderr
    assert "422" in result.stderr
    one = here("send", "12", "hello")
    assert one.exit_code == 1
    assert len(one.stderr.splitlines()) == 1
    assert "/to" in one.stderr


def test_keys_that_do_not_open(here):
    unknown, _ = make_key(b"z" * 38, "shop")
    result = here("carriers", "--key", unknown)
    assert (result.exit_code, "401" in result.stderr) == (1, True)
    reader, _ = make_key(b"b" * 38, "shop", ("read",))
    assert "403" in here("send", TO, "hello", "--key", reader).stderr


def test_the_key_of_the_data_folder_is_shown_to_its_own_api_only(here, served):
    assert here("carriers", "--url", served.url + "/").exit_code == 0
    elsewhere = here("carriers", "--url", f"http://localhost:{served.port}")
    assert (elsewhere.exit_code, "no API key" in elsewhere.stderr) == (2, True)


def test_nobody_answers(run):
    run.state()
    result = run("carriers")
    assert result.exit_code == 1
    assert "does not answer: Connection refused" in result.stderr


def other_server(answer, *, connections=1):
    """A server that says the same to each connection and closes it."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        for _ in range(connections):
            line, _ = listener.accept()
            with line:
                line.recv(65_536)
                line.sendall(answer)
        listener.close()

    thread = threading.Thread(target=serve)
    thread.start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}", thread


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 5\r\n\r\n<htm>", "the API answered 502"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://a/\r\nContent-Length: 0\r\n\r\n", "the API answered 302"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n<htm>", "is not Trunkline's API"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "is not Trunkline's API"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]", "is not Trunkline's API"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}", "does not answer"),
        (b"SSH-2.0-x\r\n", "does not answer"),
        (b"", "does not answer"),
    ],
)
def test_somebody_else_answers(run, answer, told):
    url, thread = other_server(answer)
    result = run("send", TO, "hello", "--url", url, "--key", "k")
    thread.join()
    assert result.exit_code == 1
    assert told in result.stderr


def test_a_question_is_asked_again_over_a_new_connection_when_the_old_one_was_closed():
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"  # says keep-alive, and closes
    url, thread = other_server(answer, connections=2)
    api = Api(url, "k")
    assert [api.get("/", expect=()), api.get("/", expect=())] == [{}, {}]
    api.close()
    thread.join()
    with pytest.raises(ApiError):
        api.get("/", expect=())


def test_a_message_is_followed_to_its_end(here, served):
    message_id = here("send", TO, "hello").stdout.split()[0]
    journal = served.journal

    async def deliver():
        wanted = await assign(journal, message_id)
        await submit(journal, wanted)
        await end(journal, wanted, State.DELIVERED)

    async def fail():
        await end(journal, await assign(journal, message_id), State.DELIVERED, "", False, "")

    timer = threading.Timer(0.1, lambda: served.do(fail()))
    timer.start()
    result = here("watch", message_id)
    timer.join()
    assert result.exit_code == 0, result.output
    words = [line.split() for line in result.stdout.splitlines()]
    assert [line[2] for line in words if line[0].startswith("+")] == ["accepted", "assigned", "delivered"]
    assert ["one", "0.01000", "90.0%", "3.5", "s", "0.00000", "0.02350", "chosen"] in words
    assert ["two", "-", "-", "-", "-", "-", "does", "not", "go", "there"] in words
    assert "hello" not in result.stdout
    assert all(line == line.rstrip() for line in result.stdout.splitlines())
    assert [line["kind"] for line in here.lines("watch", message_id, "--json")] == ["accepted", "assigned", "final"]


def test_a_message_that_ends_otherwise(here, served):
    message_id = here("send", TO, "hello").stdout.split()[0]

    async def fail():
        wanted = await assign(served.journal, message_id)
        await end(served.journal, wanted, State.FAILED, "invalid_destination", True, "11")

    served.do(fail())
    result = here("watch", message_id)
    assert result.exit_code == 1
    assert "invalid_destination (permanent) · carrier's code 11" in result.stdout


def test_patience_ends(here):
    message_id = here("send", TO, "hello").stdout.split()[0]
    result = here("watch", message_id, "--timeout", "0.05")
    assert (result.exit_code, "is queued after 0.05 s" in result.stderr) == (1, True)
    sent = here("send", TO, "hello", "--watch", "--timeout", "0.05")
    assert sent.exit_code == 1
    assert sent.stdout.split()[1] == "accepted"


def test_sending_and_following_in_one(here, served):
    async def deliver_what_comes():
        while True:
            for partition in range(PARTITIONS):
                await served.journal.lease_partitions("d", 1, [partition], 60)
            claimed, _ = await served.journal.claim("d", 1, range(PARTITIONS), dict.fromkeys(MessageClass, 1))
            if claimed:
                break
        epoch, _, _ = await served.journal.register(OWNER, "i", 60)
        await served.journal.assign(OWNER, epoch, [Assign(claimed[0].id, 0, b"")])
        await end(served.journal, claimed[0].id, State.DELIVERED)

    def deliver():
        deadline_s = time.monotonic() + 5
        while not served.front.counts["accepted", "shop", "otp"] and time.monotonic() < deadline_s:
            time.sleep(0.005)
        served.do(deliver_what_comes())

    thread = threading.Thread(target=deliver)
    thread.start()
    lines = here.lines("send", TO, "hello", "--class", "otp", "--watch", "--json")
    thread.join()
    assert lines[0]["status"] == "accepted"
    assert lines[-1] == {"at": lines[-1]["at"], "kind": "final", "status": "delivered", "error": None}


def test_another_tenants_message_or_none(here):
    result = here("watch", "01K8ZQ4R3V7J9M2T5X8B1C4D6F")
    assert (result.exit_code, "404" in result.stderr) == (1, True)


def test_carriers(here, served):
    status = CarrierStatus("one", bound=1, sessions=2, speed_mps=120.0, contracted_mps=250, window=10, reason="cut")
    served.front.live = [status._replace(suggestion="try")]
    result = here("carriers")
    assert result.exit_code == 0, result.output
    rows = {line.split()[0]: line.split() for line in result.stdout.splitlines()}
    assert rows["one"] == ["one", "1/2", "120", "/", "250", "0/10", "0", "closed", "cut;", "try"]
    assert "disabled" in rows["two"]
    assert [one["name"] for one in json.loads(here("carriers", "--json").stdout)] == ["one", "two"]


def test_board(here, served):
    assert "not published" in here("board").stdout
    served.front.newest = Board(
        version=3,
        at_s=1.0,
        cells=Cells.of({f"one|{to}|0": Cell(p=p, wait_s=2.0, weight=10.0, sd=0.01) for to, p in (("GB", 0.9), ("*", 0.8))}),
        carriers={"one": CarrierView("one", "open", 9.0, "refused everything", False, 50, 9, 41, 0.0)},
    )
    result = here("board")
    assert result.exit_code == 0, result.output
    assert "board 3" in result.stdout
    assert "refused everything" in result.stdout
    assert "80.0%" in result.stdout
    assert "90.0%" not in result.stdout
    assert "90.0%" in here("board", "--network", "GB").stdout
    assert "90.0%" in here("board", "--carrier", "one").stdout
    assert json.loads(here("board", "--network", "FR", "--json").stdout)["cells"] == []
    assert here("board", "--carrier", "a&b").exit_code == 1


async def bury(journal, message_id):
    """Have a message's last event given up."""
    await end(journal, await assign(journal, message_id), State.FAILED, "", False, "")
    notices = await journal.claim_notices("c", range(PARTITIONS), 10, 60)
    await journal.bury_notices(notices)
    return [notice.event_id for notice in notices]


def test_dead_letters(here, served):
    assert here("webhooks", "dead").stdout == "no event was given up\n"
    message_id = here("send", TO, "hello").stdout.split()[0]
    (event_id,) = served.do(bury(served.journal, message_id))
    result = here("webhooks", "dead")
    assert event_id in result.stdout
    assert "message.failed" in result.stdout
    assert [one["event_id"] for one in json.loads(here("webhooks", "dead", "--json").stdout)] == [event_id]
    strange = here("webhooks", "replay", "evt_none")
    assert (strange.exit_code, "404" in strange.stderr) == (1, True)
    assert here("webhooks", "replay", event_id).stdout == "1 event on the way again\n"
    assert here("webhooks", "replay").stdout == "0 events on the way again\n"
