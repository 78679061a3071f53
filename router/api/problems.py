"""Errors as RFC 9457 problem details: the catalogue of codes, and how one is raised and shown."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from router.message import FieldFault

PROBLEM_JSON: Final = b"application/problem+json"
PROBLEM_MSGPACK: Final = b"application/problem+msgpack"


class Kind(NamedTuple):
    """One code of the catalogue."""

    status: int
    title: str


CATALOGUE: Final[dict[str, Kind]] = {
    "malformed_body": Kind(400, "The body cannot be read"),
    "invalid_query": Kind(400, "A query parameter is wrong"),
    "invalid_idempotency_key": Kind(400, "The idempotency key is wrong"),
    "unauthorized": Kind(401, "A valid API key is needed"),
    "too_many_wrong_keys": Kind(429, "Too many wrong keys"),
    "forbidden": Kind(403, "The key's scopes do not cover this"),
    "denied": Kind(403, "A rule does not let it through"),
    "not_found": Kind(404, "There is no such thing"),
    "method_not_allowed": Kind(405, "The resource has no such method"),
    "erased": Kind(410, "Text and numbers were erased"),
    "body_timeout": Kind(408, "The body did not come in time"),
    "idempotency_in_flight": Kind(409, "The first request with this key is still under way"),
    "not_cancelable": Kind(409, "It is too late to cancel"),
    "not_sent": Kind(409, "The message was not sent"),
    "feedback_given": Kind(409, "Another outcome was told before"),
    "too_large": Kind(413, "The body is too large"),
    "unsupported_media_type": Kind(415, "The body's type is not supported"),
    "invalid_message": Kind(422, "The message is invalid"),
    "invalid_feedback": Kind(422, "The feedback is invalid"),
    "missing_field": Kind(422, "A field is missing"),
    "unknown_field": Kind(422, "A field is unknown"),
    "not_encodable": Kind(422, "The text cannot be encoded"),
    "too_many_segments": Kind(422, "The text is too long"),
    "no_route": Kind(422, "No carrier goes there"),
    "idempotency_key_reused": Kind(422, "The idempotency key belongs to another request"),
    "none_accepted": Kind(422, "No message of the batch was accepted"),
    "rate_limited": Kind(429, "The rate limit is reached"),
    "spend_limited": Kind(429, "The daily spend limit is reached"),
    "shed": Kind(503, "The system sheds load"),
    "journal_full": Kind(503, "The journal has no room"),
    "journal_unavailable": Kind(503, "The journal does not answer"),
    "internal": Kind(500, "Something went wrong here"),
}


class ErrorItem(msgspec.Struct, frozen=True):
    """One fault; the pointer (RFC 6901) names the field, or the query parameter."""

    pointer: str
    detail: str


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Problem details. ``type`` leads to the code's entry in the documentation."""

    type: str
    title: str
    status: int
    code: str
    detail: str = ""
    instance: str = ""
    errors: list[ErrorItem] = []


class Refusal(Exception):
    """Ends a request with a problem. Raised only by the HTTP layer itself, after every decision has been a value."""

    def __init__(
        self,
        code: str,
        detail: str = "",
        *,
        faults: Sequence[FieldFault] = (),
        status: int = 0,
        retry_after_s: int = 0,
        headers: Sequence[tuple[bytes, bytes]] = (),
    ) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail
        self.faults = faults
        self.status = status or CATALOGUE[code].status
        self.headers = [*headers, (b"retry-after", str(retry_after_s).encode())] if retry_after_s else list(headers)

    def problem(self, instance: str = "") -> Problem:
        """The details to be shown."""
        return problem(self.code, self.detail, faults=self.faults, instance=instance, status=self.status)


def problem(code: str, detail: str = "", *, faults: Sequence[FieldFault] = (), instance: str = "", status: int = 0) -> Problem:
    """Problem details for a code."""
    kind = CATALOGUE[code]
    return Problem(
        type=f"/docs#error-{code}",
        title=kind.title,
        status=status or kind.status,
        code=code,
        detail=detail,
        instance=instance,
        errors=[ErrorItem(fault.pointer, fault.detail) for fault in faults],
    )


def code_of(faults: Sequence[FieldFault]) -> str:
    """The code for several faults: theirs if they share one, else the general one."""
    first = faults[0].code
    return first if all(fault.code == first for fault in faults) else "invalid_message"


def message_problem(faults: Sequence[FieldFault], instance: str = "") -> Problem:
    """The problem of one message."""
    return problem(code_of(faults), summary(faults), faults=faults, instance=instance)


def summary(faults: Sequence[FieldFault]) -> str:
    """One sentence: the only fault's, or how many there are."""
    return faults[0].detail if len(faults) == 1 else f"{len(faults)} things are wrong with it."
