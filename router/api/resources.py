"""Every route as the documentation tells it: what it takes, what it gives, how it can fail."""

from typing import Any, Final, NamedTuple, get_args

from router.api import examples, feedback_examples
from router.api.feedback import BATCH_LIMIT as FEEDBACK_LIMIT
from router.api.items import BATCH_LIMIT
from router.api.query import PAGE_DEFAULT, PAGE_LIMIT
from router.model import Status
from router.present import Direction
from router.setting import ClassWord

_BODY_CODES: Final = ("malformed_body", "body_timeout", "too_large", "unsupported_media_type")
_MESSAGE_CODES: Final = (
    "invalid_message",
    "missing_field",
    "unknown_field",
    "not_encodable",
    "too_many_segments",
    "no_route",
    "denied",
)
_INTAKE_CODES: Final = (
    "invalid_idempotency_key",
    "idempotency_in_flight",
    "idempotency_key_reused",
    "rate_limited",
    "spend_limited",
    "shed",
    "journal_full",
    "journal_unavailable",
)
KEY_CODES: Final = ("unauthorized", "too_many_wrong_keys", "forbidden")


class Operation(NamedTuple):
    """One route's documentation."""

    summary: str
    answer: str = ""  # the structure of a good answer; "" for plain text
    status: int = 200
    description: str = ""
    codes: tuple[str, ...] = ()  # problems beside those of keys
    body: dict[str, Any] | None = None  # content by media type
    parameters: tuple[dict[str, Any], ...] = ()
    limited: bool = False
    open: bool = False  # needs no key
    tag: str = "messages"


def ref(name: str) -> dict[str, Any]:
    """A reference to a schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def _parameter(name: str, where: str, description: str, **schema: Any) -> dict[str, Any]:
    return {
        "name": name,
        "in": where,
        "required": where == "path",
        "description": description,
        "schema": {"type": "string", **schema},
    }


_ID: Final = _parameter("id", "path", "The message's id.", examples=[examples.ID])
_IDEMPOTENCY: Final = _parameter(
    "Idempotency-Key",
    "header",
    "1 to 255 printable characters, yours to choose. Kept for 24 hours: the same request again gives the same answer and no second copy.",
    minLength=1,
    maxLength=255,
)
_PAGE: Final = (
    _parameter("limit", "query", f"Rows a page, {PAGE_DEFAULT} by default.", type="integer", minimum=1, maximum=PAGE_LIMIT),
    _parameter("after", "query", "The `next_cursor` of the page before."),
)
_SINGLE: Final = {
    "application/json": {"schema": ref("MessageIn"), "examples": examples.SEND},
    "application/msgpack": {"schema": ref("MessageIn")},
}
_ARRAY: Final = {"type": "array", "items": ref("MessageIn"), "minItems": 1, "maxItems": BATCH_LIMIT}
_BATCH_SCHEMA: Final = {
    "oneOf": [
        {"type": "object", "properties": {"messages": _ARRAY}, "required": ["messages"], "additionalProperties": False},
        _ARRAY,
    ]
}
_BATCH: Final = {
    "application/json": {"schema": _BATCH_SCHEMA, "examples": examples.BATCH},
    "application/x-ndjson": {"schema": {"type": "string"}, "examples": examples.BATCH_LINES},
    "application/msgpack": {"schema": _BATCH_SCHEMA},
}

OPERATIONS: Final[dict[tuple[str, str], Operation]] = {
    ("POST", "/v1/messages"): Operation(
        "Send a message",
        "MessageAnswer",
        202,
        "Answers when the message is on disk.",
        codes=(*_BODY_CODES, *_MESSAGE_CODES, *_INTAKE_CODES),
        body=_SINGLE,
        parameters=(_IDEMPOTENCY,),
        limited=True,
    ),
    ("POST", "/v1/messages/batch"): Operation(
        "Send up to 10,000 messages",
        "BatchAnswer",
        202,
        "Each item has a result of its own, and a bad one never sinks its neighbours. 202 when at least one was accepted; 422 with the"
        " same body when none was. `Accept: application/msgpack` gives the answer in msgpack.",
        codes=(*_BODY_CODES, "none_accepted", *_INTAKE_CODES),
        body=_BATCH,
        parameters=(_IDEMPOTENCY,),
        limited=True,
    ),
    ("POST", "/v1/messages/preview"): Operation(
        "What would become of a message",
        "PreviewAnswer",
        description="Nothing is sent, stored or counted. `refused_by` lists what would refuse it.",
        codes=(*_BODY_CODES, "invalid_message", "missing_field", "unknown_field"),
        body=_SINGLE,
        limited=True,
    ),
    ("GET", "/v1/messages"): Operation(
        "Find messages",
        "MessagePage",
        description="Newest first. A page may be short and still have more after it: a search looks at so many messages a page.",
        codes=("invalid_query", "journal_unavailable"),
        parameters=(
            _parameter("status", "query", "As users see it.", enum=[str(word) for word in Status]),
            _parameter("direction", "query", "To handsets, or from them.", enum=list(get_args(Direction))),
            _parameter("to", "query", "The recipient's number, or a short code of yours.", examples=["+447700900123"]),
            _parameter("client_ref", "query", "Your reference."),
            _parameter("batch_id", "query", "The `batch_id` of a batch's answer."),
            _parameter("created_after", "query", "RFC 3339.", format="date-time"),
            *_PAGE,
        ),
        limited=True,
    ),
    ("GET", "/v1/messages/{id}"): Operation(
        "A message as it stands",
        "MessageView",
        codes=("not_found", "erased", "journal_unavailable"),
        parameters=(_ID,),
        limited=True,
    ),
    ("GET", "/v1/messages/{id}/events"): Operation(
        "A message's history",
        "EventPage",
        description="Every transition and attempt, each route with its explanation: every carrier's score by part, and why the others"
        " were left out. `explanation` is null when its retention is over; its `note` says when there was no new scoreboard."
        " `explored_why` says what was to be learned where a message went elsewhere than to the best carrier: `draw` (its success is"
        " uncertain), `half_open`, `suspect`, `doubt`, `new`, `unused`. `unrouted` tells why no carrier was left.",
        codes=("not_found", "erased", "journal_unavailable"),
        parameters=(_ID,),
        limited=True,
    ),
    ("POST", "/v1/messages/{id}/cancel"): Operation(
        "Take a message back",
        "MessageView",
        description="Possible until it is assigned to a carrier. Asking twice does no harm.",
        codes=("not_found", "erased", "not_cancelable", "journal_unavailable"),
        parameters=(_ID,),
        limited=True,
    ),
    ("POST", "/v1/messages/{id}/feedback"): Operation(
        "Tell whether a code was used",
        "Feedback",
        202,
        "The one sign of delivery that no carrier can forge: the brain weighs receipts by it, from what is told within a minute. The"
        " first feedback of a message counts; telling it again does no harm.",
        codes=(*_BODY_CODES, "invalid_feedback", "not_found", "not_sent", "feedback_given", "journal_unavailable"),
        body={"application/json": {"schema": ref("FeedbackIn"), "examples": feedback_examples.FEEDBACK}},
        parameters=(_ID,),
        limited=True,
    ),
    ("POST", "/v1/feedback"): Operation(
        "Tell of up to 1,000 codes",
        "FeedbackAnswer",
        202,
        "Each item has a result of its own. 202 when at least one was taken; 422 with the same body when none was.",
        codes=(*_BODY_CODES, "invalid_feedback", "journal_unavailable"),
        body={
            "application/json": {
                "schema": {"type": "array", "items": ref("FeedbackItem"), "minItems": 1, "maxItems": FEEDBACK_LIMIT},
                "examples": feedback_examples.FEEDBACKS,
            },
            "application/x-ndjson": {"schema": {"type": "string"}, "examples": feedback_examples.FEEDBACK_LINES},
        },
        limited=True,
    ),
    ("GET", "/v1/carriers"): Operation("The carriers and how they are", "CarrierList", tag="routing"),
    ("GET", "/v1/accounts"): Operation(
        "SMPP accounts and how they are",
        "AccountList",
        description="The tenant's own; with the scope admin, everybody's.",
        codes=("journal_unavailable",),
        tag="smpp",
    ),
    ("GET", "/v1/board"): Operation(
        "The brain's scoreboard",
        "BoardView",
        description="What is expected of each carrier towards each network: success, waiting, price; and of each carrier its breaker,"
        " where it is under suspicion, what its receipts are worth, and what one more segment a second of its speed would have saved of"
        " late (`shadow_micros_per_s`, millionths of the currency a second).",
        codes=("invalid_query", "not_found"),
        parameters=(
            _parameter("carrier", "query", "Only this one."),
            _parameter("network", "query", "Only this one: MCC-MNC, a country, or `*`."),
        ),
        tag="routing",
    ),
    ("GET", "/v1/records"): Operation(
        "What was decided for each message, and what came of it",
        "RecordPage",
        description="First attempts of the tenant's messages, newest first, without texts, senders and numbers: for analysis, as `trunkline export`"
        " writes them to a file. `considered` has a row a carrier, the best first: name, price of the whole message, expected probability of"
        " delivery in time, expected seconds, shadow price, total cost, spread of the probability, contracted segments a second.",
        codes=("invalid_query", "journal_unavailable"),
        parameters=(
            _parameter("class", "query", "Only this one.", enum=list(get_args(ClassWord))),
            _parameter("created_after", "query", "Only messages created after this time.", format="date-time"),
            _parameter("created_before", "query", "Only messages created before this time.", format="date-time"),
            *_PAGE,
        ),
        tag="routing",
    ),
    ("GET", "/v1/board/history"): Operation(
        "The scoreboard of the last hours",
        "BoardHistory",
        description="Every ten seconds for up to an hour, every minute for up to a day.",
        codes=("invalid_query", "journal_unavailable"),
        parameters=(
            _parameter("carrier", "query", "Only this one."),
            _parameter("network", "query", "Towards this one: MCC-MNC, a country, or `*`, which is the default."),
            _parameter("hours", "query", "How far back, 1 by default.", type="number", exclusiveMinimum=0, maximum=24),
        ),
        tag="routing",
    ),
    ("GET", "/v1/webhooks/dead"): Operation(
        "Webhook events that were given up",
        "DeadNotices",
        description="The tenant's own; with the scope admin, everybody's.",
        codes=("invalid_query", "journal_unavailable"),
        parameters=_PAGE[:1],
        tag="webhooks",
    ),
    ("POST", "/v1/webhooks/dead/replay"): Operation(
        "Deliver them again",
        "Replayed",
        202,
        codes=("malformed_body", "too_large", "unsupported_media_type", "not_found", "journal_unavailable"),
        body={"application/json": {"schema": ref("ReplayIn"), "examples": examples.REPLAY}},
        tag="webhooks",
    ),
    ("GET", "/healthz"): Operation("Alive, and how durable a 202 is", "Health", open=True, tag="operations"),
    ("GET", "/readyz"): Operation("Ready for requests (503 with the reasons when not)", "Readiness", open=True, tag="operations"),
    ("GET", "/metrics"): Operation("Prometheus metrics", open=True, tag="operations"),
}
