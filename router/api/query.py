"""Query parameters: read strictly, refused by name."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple, get_args
from urllib.parse import parse_qsl

import msgspec

from router.api.problems import Refusal
from router.ids import InvalidId, MessageId, from_text, make_id
from router.intake import milliseconds
from router.message import REFERENCE_LIMIT, FieldFault
from router.model import STATES_OF_STATUS, State, Status
from router.numbers import SHORT_CODE_DIGITS, InvalidNumber, parse_number
from router.present import Direction

PAGE_DEFAULT: Final = 50
PAGE_LIMIT: Final = 500
_PARAMETERS_LIMIT: Final = 32
_END_OF_TIME_MS: Final = (1 << 48) - 1  # what an id can tell


class Search(NamedTuple):
    """What ``GET /v1/messages`` looks for."""

    limit: int = PAGE_DEFAULT
    before: MessageId | None = None  # the cursor
    created_after_ms: int = 0
    states: tuple[State, ...] = ()
    to: str = ""
    client_ref: str = ""
    batch_id: str = ""
    direction: str = ""


def parameters(query: bytes, known: Mapping[str, Callable[[str], Any]]) -> dict[str, Any]:
    """Read a query string; every parameter at most once, each by its reader, which raises ``ValueError`` with a sentence."""
    faults = []
    values: dict[str, Any] = {}
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_PARAMETERS_LIMIT)
    except ValueError:
        raise Refusal("invalid_query", "The query cannot be read.") from None
    for name, text in pairs:
        read = known.get(name)
        if read is None:
            faults.append(FieldFault(f"?{name[:64]}", f"There is no such parameter; known are {', '.join(known)}."))
        elif name in values:
            faults.append(FieldFault(f"?{name}", "Given twice."))
        else:
            try:
                values[name] = read(text)
            except ValueError as error:
                faults.append(FieldFault(f"?{name}", str(error)))
    if faults:
        raise Refusal("invalid_query", faults[0].detail if len(faults) == 1 else "", faults=faults)
    return values


def page_size(text: str) -> int:
    """1–500."""
    if not (text.isascii() and text.isdigit() and len(text) < 5 and 1 <= int(text) <= PAGE_LIMIT):
        raise ValueError(f"Expected a number from 1 to {PAGE_LIMIT}.")
    return int(text)


def cursor(text: str) -> MessageId:
    """A ``next_cursor`` given before, which is the id of the last message looked at."""
    try:
        return from_text(text)
    except InvalidId:
        raise ValueError("Expected a next_cursor from an earlier page.") from None


def moment_ms(text: str) -> int:
    """An RFC 3339 time as milliseconds since 1970."""
    try:
        moment = msgspec.convert(text, datetime)
    except msgspec.ValidationError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ValueError("Expected an RFC 3339 time with an offset, such as 2030-01-01T09:00:00Z.")
    return min(max(0, milliseconds(moment)), _END_OF_TIME_MS - 2)


def states(text: str) -> tuple[State, ...]:
    """The states that users see as this word. What is accepted is queued."""
    if text == Status.ACCEPTED:
        return (State.QUEUED,)
    found = next((states for status, states in STATES_OF_STATUS.items() if status == text), None)
    if found is None:
        raise ValueError(f"Expected one of {', '.join(Status)}.")
    return found


def number(text: str) -> str:
    """E.164 digits, or a short code. A plus in a query string is a space unless it is escaped, and both are meant."""
    bare = text.strip()
    if bare == text and bare.isascii() and bare.isdigit() and len(bare) in SHORT_CODE_DIGITS:
        return bare
    parsed = parse_number(bare)
    if isinstance(parsed, InvalidNumber):
        raise ValueError("Expected a number in E.164.")  # noqa: TRY004 - a reader's fault is a ValueError by contract
    return parsed.digits


def direction(text: str) -> str:
    """Which way: ``outbound`` to handsets, ``inbound`` from them."""
    if text not in get_args(Direction):
        raise ValueError(f"Expected one of {', '.join(get_args(Direction))}.")
    return text


def reference(text: str) -> str:
    """A client_ref."""
    if not 0 < len(text) <= REFERENCE_LIMIT:
        raise ValueError(f"Expected 1 to {REFERENCE_LIMIT} characters.")
    return text


def batch(text: str) -> str:
    """A batch_id as it was given."""
    try:
        from_text(text)
    except InvalidId:
        raise ValueError("Expected a batch_id.") from None
    return text.upper()


_SEARCH: Final = {
    "status": states,
    "to": number,
    "client_ref": reference,
    "batch_id": batch,
    "direction": direction,
    "created_after": moment_ms,
    "limit": page_size,
    "after": cursor,
}


def search(query: bytes) -> Search:
    """The search that a query string asks for. A batch's messages share its time, so looking for one begins and ends there."""
    values = parameters(query, _SEARCH)
    before: MessageId | None = values.get("after")
    created_after_ms: int = values.get("created_after", 0)
    if "batch_id" in values:
        created_ms = int.from_bytes(from_text(values["batch_id"])[:6], "big")
        newest = make_id(min(created_ms + 1, _END_OF_TIME_MS), 0, bytes(10))
        before = newest if before is None else min(before, newest)
        created_after_ms = max(created_after_ms, created_ms - 1)
    return Search(
        limit=values.get("limit", PAGE_DEFAULT),
        before=before,
        created_after_ms=created_after_ms,
        states=values.get("status", ()),
        to=values.get("to", ""),
        client_ref=values.get("client_ref", ""),
        batch_id=values.get("batch_id", ""),
        direction=values.get("direction", ""),
    )
