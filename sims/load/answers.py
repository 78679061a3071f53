"""What the API said: ids of what it took, codes of what it refused. Pure: octets in, values out."""

from typing import Any, NamedTuple

import msgspec

_json = msgspec.json.Decoder()
_msgpack = msgspec.msgpack.Decoder()


class _Problem(msgspec.Struct, gc=False):
    status: int = 0
    code: str = ""


class _Entry(msgspec.Struct, gc=False):
    """The two fields of a result that a load looks at; skipping the others halves the cost of reading."""

    id: str = ""
    error: _Problem | None = None


class _Batch(msgspec.Struct):
    data: list[_Entry]


_batch_json = msgspec.json.Decoder(_Batch)
_batch_msgpack = msgspec.msgpack.Decoder(_Batch)


class Item(NamedTuple):
    """What became of one message: an id when it was taken, else the status and the code of the refusal."""

    id: str
    status: int = 0
    code: str = ""


def read_body(content_type: bytes, body: bytes) -> Any:
    """A body as plain values; None when it cannot be read."""
    try:
        return _msgpack.decode(body) if b"msgpack" in content_type else _json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def read_code(content_type: bytes, body: bytes) -> str:
    """The ``code`` of problem details, "" when there is none."""
    value = read_body(content_type, body)
    return str(value.get("code", "")) if isinstance(value, dict) else ""


def read_items(content_type: bytes, body: bytes) -> list[Item] | None:
    """The results of a batch in order; None when the body holds no list of results."""
    packed = b"msgpack" in content_type
    try:
        answer = (_batch_msgpack if packed else _batch_json).decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return [Item(entry.id) if entry.error is None else Item("", entry.error.status, entry.error.code) for entry in answer.data]


def read_id(content_type: bytes, body: bytes) -> str:
    """The id of a single message, "" when the body has none."""
    value = read_body(content_type, body)
    return str(value.get("id", "")) if isinstance(value, dict) else ""
