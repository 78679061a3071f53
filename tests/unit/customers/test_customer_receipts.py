"""What customers are told of their messages: receipts and answers to query_sm."""

import re

import pytest
from msgspec.structs import replace

from carriers.customers.message_ids import id_text
from carriers.customers.receipts import receipts_of
from carriers.customers.states import ending_of, found_of, shown
from carriers.smpp.messages import Message, read_message
from carriers.smpp.operations import Found, pack_found
from carriers.smpp.pdu import pack_pdu
from carriers.smpp.receipts import read_receipt
from router.ids import make_id
from router.journal.items import Notice, Record
from router.model import ErrorName, State
from router.record import Body, Client, EventKind, pack_body, pack_event
from tests.unit.customers.world import NOW_MS, account

ID = make_id(NOW_MS, 3, b"0123456789")
TOLD = id_text(ID)
DONE_MS = NOW_MS + 125_000


def body(*asked, **client):
    fields = {
        "account": "gw", "message_id": TOLD, "source": "ACME", "source_ton": 5, "source_npi": 0, "destination": "+447700900123",
        "destination_ton": 1, "destination_npi": 1, "asked": asked, "service_type": "CMT",
    }  # fmt: skip
    return Body(
        tenant="shop", to="447700900123", sender="ACME", text="stat:DELIVRD", klass=1, created_ms=NOW_MS, expires_ms=NOW_MS + 1,
        encoding="gsm7", segments=1, country="GB", network="GB", client=Client(**(fields | client)),
    )  # fmt: skip


def final(state, error="", code=""):
    return pack_event(NOW_MS, EventKind.QUEUED, "x") + pack_event(DONE_MS, EventKind.FINAL, int(state), error, True, code)


def receipts(state, of, *, error="", code="", version=0x34):
    notice = Notice(f"evt_{TOLD}", ID, state, 0, pack_body(of), final(state, error, code))
    return [read_message(pack_pdu(5, 0, 1, one)) for one in receipts_of(notice, of, version)]


def test_the_form_that_all_clients_read():
    (got,) = receipts(State.DELIVERED, body(1))
    assert got == Message(
        source="+447700900123", destination="ACME", source_ton=1, source_npi=1, destination_ton=5, destination_npi=0, esm_class=0x04,
        data_coding=0, service_type="CMT", tlvs={0x001E: TOLD.encode() + b"\0", 0x0427: b"\x02"},
        short_message=(
            f"id:{TOLD} sub:001 dlvrd:001 submit date:2611221045 done date:2611221048 stat:DELIVRD err:000 text:"
        ).encode(),
    )  # fmt: skip


# How clients find what they need: kannel by keys, Jasmin, php-smpp and cloudhopper by these patterns.
PATTERNS = [
    r"id:(?P<id>[\dA-Za-z\-_]+)",
    r"sub:(?P<sub>\d{3})(?!\d)",
    r"dlvrd:(?P<dlvrd>\d{3})(?!\d)",
    r"submit date:(?P<sdate>\d{10})(?!\d)",
    r"done date:(?P<ddate>\d{10})(?!\d)",
    r"stat:(?P<stat>\w{7})(?!\w)",
    r"err:(?P<err>\d{3})(?!\d)",
    r"^id:([^ ]+) sub:(\d{1,3}) dlvrd:(\d{3}) submit date:(\d{10,12}) done date:(\d{10,12}) stat:([A-Z ]{7}) err:(\d{2,3}) text:(.*)$",
]


@pytest.mark.parametrize("state", [state for state in State if state.final and state is not State.RECEIVED])
@pytest.mark.parametrize("code", ["", "0x0B", "11", "ABC", "4096", "000", "42"])
def test_every_end_in_that_form(state, code):
    (got,) = receipts(state, body(1), code=code, error=ErrorName.NOT_DELIVERED)
    for pattern in PATTERNS:
        assert re.search(pattern, got.short_message.decode("ascii")), pattern
    told = read_receipt(got.short_message, got.tlvs, esm_class=got.esm_class, by_text=False)
    assert told == read_receipt(got.short_message, {}, esm_class=got.esm_class, by_text=False)
    assert told is not None


SHOWN = [
    (State.SCHEDULED, "", "", (1, "ENROUTE", "000")),
    (State.QUEUED, "", "", (1, "ENROUTE", "000")),
    (State.SENDING, "", "", (1, "ENROUTE", "000")),
    (State.UNKNOWN, "", "", (1, "ENROUTE", "000")),
    (State.SENT, "", "", (1, "ENROUTE", "000")),
    (State.DELIVERED, "", "012", (2, "DELIVRD", "000")),
    (State.EXPIRED, ErrorName.VALIDITY_ENDED, "", (3, "EXPIRED", "207")),
    (State.CANCELED, "", "", (4, "DELETED", "000")),
    (State.UNDELIVERED, ErrorName.NOT_DELIVERED, "027", (5, "UNDELIV", "027")),
    (State.UNDELIVERED, ErrorName.NOT_DELIVERED, "7", (5, "UNDELIV", "007")),
    (State.UNDELIVERED, ErrorName.NOT_DELIVERED, "000", (5, "UNDELIV", "210")),
    (State.UNDELIVERED, ErrorName.NOT_DELIVERED, "1042", (5, "UNDELIV", "210")),
    (State.UNDELIVERED, "an error of a later release", "", (5, "UNDELIV", "000")),
    (State.FAILED, ErrorName.ATTEMPTS_EXHAUSTED, "0x08", (5, "UNDELIV", "206")),
    (State.FAILED, ErrorName.REFUSED_BY_CARRIER, "0x45", (8, "REJECTD", "202")),
    (State.FAILED, ErrorName.INVALID_DESTINATION, "", (8, "REJECTD", "203")),
    (State.REJECTED, ErrorName.NO_ROUTE, "", (8, "REJECTD", "201")),
    (State.REJECTED, ErrorName.INCOMPLETE, "", (8, "REJECTD", "212")),
    (State.UNCONFIRMED, ErrorName.NO_RECEIPT, "", (7, "UNKNOWN", "209")),
]


@pytest.mark.parametrize(("state", "error", "code", "expected"), SHOWN)
def test_states(state, error, code, expected):
    assert shown(state, error, code) == expected


def test_every_state_and_every_error_is_told():
    for state in State:
        assert len(shown(state).stat) == 7
    assert all(shown(State.FAILED, error).err != "000" for error in ErrorName)
    assert shown(State.SCHEDULED, version=0x50)[:2] == (0, "SCHEDLD")


@pytest.mark.parametrize(
    ("asked", "delivered", "failed"),
    [
        ((1,), [""], [""]),
        ((0x11,), [""], [""]),  # kannel asks for intermediate ones too
        ((0,), [], []),
        ((0x10,), [], []),
        ((0x0C,), [], []),
        ((2,), [], [""]),
        ((3,), [""], []),
        ((1, 0, 0), ["-1"], ["-1"]),  # kannel
        ((0, 0, 1), ["-3"], ["-3"]),  # Jasmin
        ((1, 2, 3), ["-1", "-3"], ["-1", "-2"]),
        ((), [], []),
    ],
)
def test_who_asked_is_told(asked, delivered, failed):
    def ids(state):
        return [one.tlvs[0x001E].rstrip(b"\0").decode() for one in receipts(state, body(*asked))]

    assert ids(State.DELIVERED) == [TOLD + end for end in delivered]
    assert ids(State.UNDELIVERED) == [TOLD + end for end in failed]
    assert ids(State.REJECTED) == [TOLD + end for end in failed]


def test_no_parameters_for_who_does_not_know_them():
    assert receipts(State.DELIVERED, body(1), version=0x33)[0].tlvs == {}


def test_a_message_of_the_api_has_no_receipts():
    assert receipts(State.DELIVERED, replace(body(1), client=None)) == []


def test_addresses_longer_than_a_deliver_sm_takes():
    (got,) = receipts(State.DELIVERED, body(1, destination="+44 (0) 7700 900 1 2 3"))
    assert got.source == "+44 (0) 7700 900 1 2"


def record(state, of, events=b""):
    return Record(ID, state, 1, pack_body(of) if of is not None else b"", events)


def test_an_answer_to_query_sm():
    ended = record(State.UNDELIVERED, body(1), final(State.UNDELIVERED, ErrorName.NOT_DELIVERED, "027"))
    assert found_of(ended, account(), 0) == Found(TOLD, "261122104802000+", 5, 27)
    assert found_of(record(State.QUEUED, body(1)), account(), 0) == Found(TOLD, "", 1, 0)
    assert found_of(record(State.SCHEDULED, body(1)), account(), 0, version=0x50) == Found(TOLD, "", 0, 0)
    of_two = record(State.REJECTED, body(1, 0), final(State.REJECTED, ErrorName.INCOMPLETE))
    assert found_of(of_two, account(), 2) == Found(TOLD + "-2", "261122104802000+", 8, 212)
    found = found_of(of_two, account(), 2)
    assert found is not None
    assert len(pack_found(found)) > 20


@pytest.mark.parametrize(
    ("of", "system_id", "part"),
    [(None, "gw", 0), (body(1), "other", 0), (body(1), "gw", 1), (body(1, 1), "gw", 0), (body(1, 1), "gw", 3),
     (replace(body(1), client=None), "gw", 0)],
)  # fmt: skip
def test_what_is_not_the_accounts_is_not_there(of, system_id, part):
    assert found_of(record(State.SENT, of), account(system_id=system_id), part) is None
    assert found_of(None, account(), 0) is None


@pytest.mark.parametrize("events", [b"", b"\xc1", pack_event(1, EventKind.QUEUED, "x"), pack_event(1, EventKind.FINAL)])
def test_a_history_that_tells_less(events):
    assert ending_of(events)[1:] == ("", "")
