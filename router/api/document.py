"""The OpenAPI 3.1 document: what each route takes and gives, as ``openapi_extra`` for FastAPI, and the schemas from msgspec's structures."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final

import msgspec

from router.api import examples, feedback_examples
from router.api.accounts import AccountList
from router.api.board_history import BoardHistory
from router.api.feedback import Feedback, FeedbackAnswer, FeedbackIn, FeedbackItem
from router.api.fleet import BoardView, CarrierList
from router.api.hooks import DeadNotices, Replayed, ReplayIn
from router.api.items import BatchMeta, ItemAnswer, ItemRefused
from router.api.operations import Health, Readiness
from router.api.preview import PreviewAnswer
from router.api.problems import CATALOGUE, Problem
from router.api.read import EventPage, MessagePage
from router.api.records import RecordPage
from router.api.resources import KEY_CODES, OPERATIONS, Operation, ref
from router.message import MessageIn
from router.present import MessageAnswer, MessageView

DESCRIPTION: Final = """\
Send messages, learn what became of each and why it took its route, and read what handsets send.

A 202 means that the message is on disk. Errors are problem details (RFC 9457) whose `code` is stable and whose `errors` name
each field by a JSON pointer. Send an `Idempotency-Key` with every request that you may repeat: a retry then makes no second copy."""

_SCHEMAS: Final = (
    MessageIn,
    MessageAnswer,
    ItemAnswer,
    ItemRefused,
    BatchMeta,
    MessageView,
    MessagePage,
    EventPage,
    RecordPage,
    PreviewAnswer,
    CarrierList,
    AccountList,
    BoardView,
    BoardHistory,
    FeedbackIn,
    FeedbackItem,
    Feedback,
    FeedbackAnswer,
    DeadNotices,
    ReplayIn,
    Replayed,
    Problem,
    Health,
    Readiness,
)
_ANSWERS: Final = examples.ANSWERS | feedback_examples.ANSWERS
_LIMIT_HEADERS: Final = {
    name: {"description": description, "schema": {"type": "integer"}}
    for name, description in (
        ("X-RateLimit-Limit", "Messages a second."),
        ("X-RateLimit-Remaining", "Messages that could follow at once."),
        ("X-RateLimit-Reset", "Seconds until the whole burst is free again."),
    )
}


def route_options(method: str, path: str) -> dict[str, Any]:
    """Options for ``FastAPI.add_api_route``."""
    operation = OPERATIONS[method, path]
    extra: dict[str, Any] = {"responses": _responses(operation), "security": [] if operation.open else [{"key": []}]}
    if operation.parameters:
        extra["parameters"] = list(operation.parameters)
    if operation.body is not None:
        extra["requestBody"] = {"required": operation.answer != "Replayed", "content": operation.body}
    return {
        "summary": operation.summary,
        "description": operation.description or operation.summary,
        "status_code": operation.status,
        "tags": [operation.tag],
        "operation_id": _operation_id(method, path),
        "openapi_extra": extra,
    }


def _operation_id(method: str, path: str) -> str:
    return f"{method.lower()}_{'_'.join(part.strip('{}') for part in path.split('/') if part not in {'', 'v1'})}"


def _responses(operation: Operation) -> dict[str, Any]:
    good: dict[str, Any] = {"description": HTTPStatus(operation.status).phrase}
    if operation.answer:
        value = msgspec.to_builtins(_ANSWERS[operation.answer])
        good["content"] = {"application/json": {"schema": ref(operation.answer), "example": value}}
    else:
        good["content"] = {"text/plain": {"schema": {"type": "string"}}}
    if operation.limited:
        good["headers"] = _LIMIT_HEADERS
    responses = {str(operation.status): good}
    codes = operation.codes if operation.open else (*KEY_CODES, *operation.codes, "internal")
    for status in sorted({CATALOGUE[code].status for code in codes}):
        responses[str(status)] = _problem_response(
            status, [code for code in codes if CATALOGUE[code].status == status], operation.limited
        )
    if operation.answer in {"BatchAnswer", "FeedbackAnswer"}:
        responses["422"]["content"]["application/json"] = {"schema": ref(operation.answer)}
    if operation.answer == "FeedbackAnswer":
        responses["422"]["content"]["application/json"]["example"] = msgspec.to_builtins(feedback_examples.NONE_TAKEN)
    return responses


def _problem_response(status: int, codes: Sequence[str], limited: bool) -> dict[str, Any]:
    shown = {code: examples.problem_example(code) for code in codes}
    headers: dict[str, Any] = dict(_LIMIT_HEADERS) if limited and status not in {401, 403} else {}
    if status in {409, 429, 503}:
        headers["Retry-After"] = {"description": "Seconds to wait.", "schema": {"type": "integer"}}
    return {
        "description": "; ".join(CATALOGUE[code].title for code in codes),
        "content": {"application/problem+json": {"schema": ref("Problem"), "examples": shown}},
        **({"headers": headers} if headers else {}),
    }


# By hand: msgspec writes unions of structures that carry no tag, but does not describe them.
_BATCH_ANSWER: Final = {
    "title": "BatchAnswer",
    "description": "A result per item, in the order sent.",
    "type": "object",
    "properties": {
        "data": {"type": "array", "items": {"anyOf": [ref("ItemAnswer"), ref("ItemRefused")]}},
        "meta": ref("BatchMeta"),
    },
    "required": ["data", "meta"],
}


def complete(document: dict[str, Any]) -> dict[str, Any]:
    """FastAPI's document with the schemas and the key scheme that it does not know of."""
    _, schemas = msgspec.json.schema_components(_SCHEMAS, ref_template="#/components/schemas/{name}")
    schemas["BatchAnswer"] = _BATCH_ANSWER
    components = document.setdefault("components", {})
    components.setdefault("schemas", {}).update(schemas)
    # FastAPI drops every null from what it was given, and with them fields from the examples
    for (method, path), operation in OPERATIONS.items():
        document["paths"][path][method.lower()]["responses"] = _responses(operation)
    components["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer", "bearerFormat": "tl_…"}}
    return document
