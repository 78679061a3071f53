"""What the API said: ids of what it took, codes of what it refused. Pure: octets in, values out."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

_json = msgspec.json.Decoder()
_msgpack = msgspec.msgpack.Decoder()


class Item(NamedTuple):
    """What became of one message: an id when it was taken, else the status and the code of the refusal."""

    id: str
    status: int = 0
    code: str = ""


def read_body(content_type: bytes, body: bytes) -> Any:
    """A body as plain values; None when it cannot be read."""
    try:
        if b"ndjson" in content_type:
            return _json.decode_lines(body)
        return _msgpack.decode(body) if b"msgpack" in content_type else _json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def read_code(content_type: bytes, body: bytes) -> str:
    """The ``code`` of problem details, "" when there is none."""
    value = read_body(content_type, body)
    return str(value.get("code", "")) if isinstance(value, dict) else ""


def read_items(content_type: bytes, body: bytes) -> list[Item] | None:
    """The results of a batch in order; None when the body holds no list of results."""
    value = read_body(content_type, body)
    if isinstance(value, dict):
        value = next((v for v in (value.get("data"), value.get("results"), value.get("messages")) if isinstance(v, list)), None)
    if not isinstance(value, list):
        return None
    return [_item(entry) for entry in value]


def read_id(content_type: bytes, body: bytes) -> str:
    """The id of a single message, "" when the body has none."""
    value = read_body(content_type, body)
    return str(value.get("id", "")) if isinstance(value, dict) else ""


def _item(entry: Any) -> Item:
    if not isinstance(entry, dict):
        return Item("", 0, "unreadable")
    problem: Mapping[str, Any] = entry["error"] if isinstance(entry.get("error"), dict) else entry
    message = entry["message"] if isinstance(entry.get("message"), dict) else entry
    status = problem.get("status")
    refused = isinstance(status, int) and status >= 400
    if "id" in message and not refused and problem is entry:
        return Item(str(message["id"]))
    return Item("", status if isinstance(status, int) else 0, str(problem.get("code", "")))
