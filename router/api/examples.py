"""Examples for the documentation, made of the very structures that answer, so that they cannot drift."""

from typing import Any, Final

import msgspec

from router.api.accounts import AccountList, AccountView
from router.api.fleet import BoardView, BreakerView, CarrierList, CarrierView, CellView
from router.api.hooks import DeadNotice, DeadNotices, Replayed
from router.api.items import BatchAnswer, BatchMeta, ItemAnswer, ItemRefused
from router.api.operations import Health, Readiness
from router.api.preview import PreviewAnswer
from router.api.problems import CATALOGUE, message_problem, problem
from router.api.read import EventPage, MessagePage, PageMeta
from router.history import Considered, EventView, Explanation
from router.message import FieldFault
from router.present import Cost, DeliveryError, MessageAnswer, MessageView

ID: Final = "01K8ZQ4R3V7J9M2T5X8B1C4D6F"
BATCH_ID: Final = "01K8ZQ4R3V0A1B2C3D4E5F6G7H"
_TO: Final = "+447700900123"
_AT: Final = "2026-01-15T09:30:00.000Z"
_COST: Final = Cost("0.032000", "EUR")

SEND: Final[dict[str, Any]] = {
    "shortest": {"summary": "All that is needed", "value": {"to": _TO, "text": "Your parcel arrives today."}},
    "code": {
        "summary": "A one-time code",
        "value": {"to": _TO, "from": "ACME", "text": "Your code is 4711", "class": "otp", "validity_period": 300},
    },
    "full": {
        "summary": "Everything",
        "value": {
            "to": "+44 7700 900123",
            "from": "ACME",
            "text": "Today only: 50 % off",
            "class": "marketing",
            "profile": "spring",
            "client_ref": "order-4711",
            "tags": ["spring", "vip"],
            "metadata": {"customer": "4711"},
            "validity_period": 7200,
            "encoding": "auto",
            "max_segments": 3,
            "webhook_url": "https://example.com/hooks/sms",
            "policy": "cheapest",
            "retention": 86400,
        },
    },
}
_BATCH: Final = [SEND["shortest"]["value"], SEND["code"]["value"]]
BATCH: Final[dict[str, Any]] = {
    "object": {"summary": "In an object", "value": {"messages": _BATCH}},
    "array": {"summary": "A bare array", "value": _BATCH},
}
BATCH_LINES: Final[dict[str, Any]] = {
    "lines": {"summary": "A message a line", "value": "\n".join(msgspec.json.encode(one).decode() for one in _BATCH)}
}
REPLAY: Final[dict[str, Any]] = {
    "all": {"summary": "All", "value": {}},
    "some": {"summary": "Some", "value": {"event_ids": [f"evt_{ID}_18"]}},
}

_EXPLANATION: Final = Explanation(
    board=1842,
    network="23410",
    klass="otp",
    policy="",
    considered=[
        Considered(
            carrier="acme", price_micros=32000, success=0.981, wait_s=3.2, shadow_micros=0, total_micros=50500, spread=0.012
        ),
        Considered(
            carrier="globex", price_micros=21000, success=0.902, wait_s=6.8, shadow_micros=0, total_micros=77600, spread=0.031
        ),
    ],
    excluded={"initech": "breaker open: 41 of the last 50 submits were refused", "umbrella": "rule direct-only"},
    rule="direct-only",
)
_VIEW: Final = MessageView(
    id=ID,
    direction="outbound",
    status="delivered",
    to=_TO,
    sender="ACME",
    text="Your code is 4711",
    klass="otp",
    segments=1,
    encoding="gsm7",
    country="GB",
    network="23410",
    cost=_COST,
    created_at=_AT,
    expires_at="2026-01-15T09:35:00.000Z",
    client_ref="order-4711",
    attempts=1,
    carrier="acme",
    sent_at="2026-01-15T09:30:00.041Z",
    completed_at="2026-01-15T09:30:03.210Z",
)
_FAILED: Final = msgspec.structs.replace(
    _VIEW,
    status="undelivered",
    error=DeliveryError(code=302, name="not_delivered", permanent=True, carrier_code="069"),
)
_RECEIVED: Final = MessageView(
    id=ID,
    direction="inbound",
    status="received",
    to="12345",
    sender=_TO,
    text="STOP",
    klass="transactional",
    segments=1,
    encoding="gsm7",
    country="GB",
    network="23410",
    cost=Cost("0.000000", "EUR"),
    created_at=_AT,
    expires_at=_AT,
    carrier="acme",
    completed_at=_AT,
)

# Answers, by the name of their structure
ANSWERS: Final[dict[str, Any]] = {
    "MessageAnswer": MessageAnswer(id=ID, status="accepted", segments=1, encoding="gsm7", cost=_COST, created_at=_AT),
    "BatchAnswer": BatchAnswer(
        [
            ItemAnswer(index=0, id=ID, status="accepted", segments=1, encoding="gsm7", cost=_COST, created_at=_AT),
            ItemRefused(1, message_problem([FieldFault("/to", "A number has at least 8 digits, country code included.")])),
        ],
        BatchMeta(accepted=1, refused=1, batch_id=BATCH_ID),
    ),
    "MessageView": _VIEW,
    "MessagePage": MessagePage([_VIEW, _FAILED, _RECEIVED], PageMeta(ID, has_more=True)),
    "EventPage": EventPage(
        [
            EventView(at=_AT, kind="accepted"),
            EventView(
                at="2026-01-15T09:30:00.012Z",
                kind="assigned",
                carrier="acme",
                attempt=1,
                explored=False,
                explanation=_EXPLANATION,
            ),
            EventView(at="2026-01-15T09:30:00.041Z", kind="submitted", carrier="acme", carrier_ids=["7f3a01"], latency_us=28400),
            EventView(
                at="2026-01-15T09:30:03.210Z",
                kind="receipt",
                carrier="acme",
                carrier_id="7f3a01",
                receipt_status="DELIVRD",
                receipt_error="000",
            ),
            EventView(at="2026-01-15T09:30:03.210Z", kind="final", status="delivered", error=None),
        ],
        PageMeta(None, has_more=False),
    ),
    "PreviewAnswer": PreviewAnswer(
        accepted=True,
        to=_TO,
        country="GB",
        network="23410",
        encoding="gsm7",
        text=None,
        replaced=[],
        units=17,
        segments=1,
        cost=_COST,
        carrier="acme",
        route=_EXPLANATION,
        refused_by=[],
    ),
    "CarrierList": CarrierList(
        [
            CarrierView(
                name="acme",
                protocol="smpp",
                enabled=True,
                classes=("otp", "transactional", "marketing"),
                bound=2,
                sessions=2,
                receivers=2,
                speed_mps=180.0,
                contracted_mps=250,
                window_used=37,
                window=50,
                throttled=0,
                breaker="closed",
                reason="",
                suggestion="",
            )
        ]
    ),
    "AccountList": AccountList(
        [
            AccountView(
                system_id="shop-gw",
                tenant="shop",
                enabled=True,
                klass="transactional",
                sessions=2,
                receivers=1,
                waiting=0,
            )
        ]
    ),
    "BoardView": BoardView(
        version=1842,
        at_s=1768469400.0,
        age_s=0.4,
        currency="EUR",
        carriers=[
            BreakerView(
                carrier="acme",
                breaker="closed",
                reason="",
                suspect=False,
                submitted=48210,
                delivered=47120,
                undelivered=702,
                pending=388.0,
                trust=0.97,
                unheard="",
                suspect_in=[],
                shadow_micros_per_s=1200,
                bound=2,
                speed_mps=180.0,
                window_used=37,
                window=50,
            )
        ],
        cells=[
            CellView(
                carrier="acme",
                network="23410",
                klass="otp",
                success=0.981,
                wait_s=3.2,
                weight=412.0,
                spread=0.004,
                price_micros=32000,
            )
        ],
        counters={"plans": 9120},
        brains={"brain": 0.4, "brain:#1": 0.7},
    ),
    "DeadNotices": DeadNotices(
        [
            DeadNotice(
                event_id=f"evt_{ID}_18",
                type="message.failed",
                tenant="acme",
                message_id=ID,
                tries=10,
                webhook_url="https://example.com/hooks/sms",
            )
        ]
    ),
    "Replayed": Replayed(1),
    "Health": Health(status="ok", durability="strong", journal={"server": "valkey", "durability": "strong"}),
    "Readiness": Readiness(ready=True, reasons=[]),
}

_DETAILS: Final = {
    "malformed_body": "JSON is malformed: expected ':' (byte 8).",
    "unauthorized": "Send `Authorization: Bearer tl_…` with a key that is in force.",
    "forbidden": "This needs the scope send.",
    "not_found": "There is no such message.",
    "not_cancelable": "The message is sent.",
    "not_sent": "No carrier has taken this message.",
    "feedback_given": "It was told before that this message was not_converted.",
    "rate_limited": "The limit is 100 messages a second; 0 could go now.",
    "internal": "Reference 5f1d3c2b9a807e64.",
}
_FAULTS: Final = {
    "invalid_query": FieldFault("?status", "Expected one of accepted, scheduled, queued."),
    "invalid_message": FieldFault("/to", "A number has digits only, after an optional plus."),
    "invalid_feedback": FieldFault("/at", "This time is yet to come."),
    "missing_field": FieldFault("/text", "This field is missing."),
    "unknown_field": FieldFault("/txt", "There is no such field."),
    "not_encodable": FieldFault("/text", "gsm7 does not hold 'ж' (U+0436)."),
    "too_many_segments": FieldFault("/text", "12 segments are needed and 10 are allowed."),
    "denied": FieldFault("", "The rule quiet-hours does not let this message through: No advertising at night.", "denied"),
    "no_route": FieldFault("/to", "No carrier takes otp messages to this destination."),
}


def problem_example(code: str) -> dict[str, Any]:
    """A problem as it would come."""
    fault = _FAULTS.get(code)
    shown = problem(
        code,
        fault.detail if fault else _DETAILS.get(code, ""),
        faults=[fault] if fault else (),
        instance="/v1/messages",
    )
    return {"summary": CATALOGUE[code].title, "value": msgspec.to_builtins(shown)}
