"""A message's history as users see it: every line, and for each route the reasons, carrier by carrier."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from msgspec import UNSET, Struct, UnsetType, field

from router.ids import created_ms
from router.journal.port import Record
from router.model import STATUS_OF, State
from router.present import CLASS_WORDS, DeliveryError, delivery_error, lines_of, rfc3339
from router.record import EventKind


class Considered(Struct, frozen=True, kw_only=True):
    """One carrier's score by part, in micros of the currency; the least total is the best."""

    carrier: str
    price_micros: int
    success: float  # expected probability of delivery within the class's deadline
    wait_s: float
    shadow_micros: int  # what its scarce capacity is worth to others
    total_micros: int
    spread: float | None = None  # standard deviation of ``success``: how much there is to learn; null: not kept


class Rescued(Struct, frozen=True, kw_only=True):
    """The copy that a rescue did not wait for. In its explanation ``wait_s`` is the time left, and a total what is gained, below zero."""

    carrier: str
    age_s: float  # since it was submitted
    success: float  # expected probability that it is still delivered in time


class Explanation(Struct, frozen=True, kw_only=True):
    """Why a message took its route."""

    board: int
    network: str
    klass: str = field(name="class")
    policy: str
    considered: list[Considered]
    excluded: dict[str, str]
    rule: str = ""  # the rules before the brain that decided something, by name
    note: str = ""  # what was not as it should be: no scoreboard, an old one, a policy that is not known any more
    rescue: Rescued | UnsetType = UNSET  # of a second copy


class EventView(Struct, frozen=True, kw_only=True):
    """One line of a message's history. Fields that the kind does not have are left out."""

    at: str
    kind: str
    carrier: str | UnsetType = UNSET
    attempt: int | UnsetType = UNSET
    explored: bool | UnsetType = UNSET
    copy: bool | UnsetType = UNSET  # a second one, made while nothing came of the first
    explored_why: str | UnsetType = UNSET  # draw, half_open, suspect, doubt, new, unused
    explanation: Explanation | UnsetType | None = UNSET
    carrier_ids: list[str] | UnsetType = UNSET
    latency_us: int | UnsetType = UNSET
    carrier_status: int | UnsetType = UNSET
    again: str | UnsetType = UNSET
    carrier_id: str | UnsetType = UNSET
    receipt_status: str | UnsetType = UNSET
    receipt_error: str | UnsetType = UNSET
    status: str | UnsetType = UNSET
    error: str | DeliveryError | UnsetType | None = UNSET
    reason: str | UnsetType = UNSET
    rule: str | UnsetType = UNSET
    outcome: str | UnsetType = UNSET


_EXPLAINED: Final = frozenset({int(EventKind.ASSIGNED), int(EventKind.UNROUTED)})


def decision_ids(record: Record) -> set[bytes]:
    """The decision tables that a history refers to."""
    return {
        line[4]
        for line in lines_of(record)
        if line[1] in _EXPLAINED and len(line) > 5 and isinstance(line[4], bytes) and isinstance(line[5], int)
    }


def decision_name(decision_id: bytes) -> str:
    """The name of the journal's value that holds a decision table (msgpack of ``Plan.decisions``)."""
    return f"decision:{decision_id.hex()}"


def decision_row(assigned: Sequence[Any], tables: Mapping[bytes, Sequence[Any]]) -> Mapping[str, Any] | None:
    """The row that an ASSIGNED or UNROUTED line refers to; None where it is not kept (any more). ``tables``: by id, as far as they are kept."""
    rows = tables.get(assigned[4]) if len(assigned) > 5 and isinstance(assigned[4], bytes) else None
    place = assigned[5] if rows is not None else None
    row = rows[place] if rows is not None and isinstance(place, int) and 0 <= place < len(rows) else None
    return row if isinstance(row, Mapping) else None


def explanation(row: Any, chosen: str = "") -> Explanation | None:
    """A row of a decision table; None for one that this release cannot read.

    ``chosen``: where the message went, which is told of last if it was not among the best: to learn, or for want of room.
    """
    try:
        beside = [one for one in row.get("beside", ()) if one[0] == chosen]
        return Explanation(
            board=int(row["board"]),
            network=str(row["network"]),
            klass=_class_word(row["class"]),
            policy=str(row.get("policy", "")),
            considered=[
                Considered(
                    carrier=str(carrier),
                    price_micros=int(price),
                    success=float(success),
                    wait_s=float(wait_s),
                    shadow_micros=int(shadow),
                    total_micros=int(total),
                    spread=float(more[0]) if more else None,
                )
                for carrier, price, success, wait_s, shadow, total, *more in [*row["considered"], *beside]
            ],
            excluded={str(name): str(reason) for name, reason in row["excluded"].items()},
            rule=str(row.get("rule", "")),
            note=str(row.get("note", "")),
            rescue=_rescued(row["rescue"]) if "rescue" in row else UNSET,
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _rescued(values: Sequence[Any]) -> Rescued:
    carrier, age_s, success, *_ = values
    return Rescued(carrier=str(carrier), age_s=float(age_s), success=float(success))


def _class_word(value: Any) -> str:
    return CLASS_WORDS[value] if isinstance(value, int) and 0 <= value < len(CLASS_WORDS) else str(value)


def history(record: Record, tables: Mapping[bytes, Sequence[Any]]) -> list[EventView]:
    """Every line, oldest first, with the explanation of each route. ``tables``: decision tables by id, as far as they are kept."""
    lines = [_event(line, tables) for line in lines_of(record)]
    if record.state is State.RECEIVED:
        return lines
    return [EventView(at=rfc3339(created_ms(record.id)), kind="accepted"), *lines]


def _event(line: list[Any], tables: Mapping[bytes, Sequence[Any]]) -> EventView:
    at, number, *details = line
    shape = _SHAPES.get(number)
    if shape is None:  # written by a later release
        return EventView(at=rfc3339(at), kind="other")
    kind, names = shape
    shown: dict[str, Any] = {}
    for (name, read), value in zip(names, details, strict=False):
        try:
            shown[name] = read(value)
        except (TypeError, ValueError):
            continue
    if number in _EXPLAINED:
        row = decision_row(line, tables)
        shown["explanation"] = None if row is None else explanation(row, str(shown.get("carrier", "")))
        shown.pop("_", None)
    elif number == EventKind.FINAL:
        shown = {"status": shown.get("status", UNSET), "error": delivery_error(details)}
    if number == EventKind.ASSIGNED and len(details) > 4 and isinstance(details[4], str) and details[4]:
        shown["explored_why"] = details[4]
    return EventView(at=rfc3339(at), kind=kind, **shown)


def _texts(value: Any) -> list[str]:
    return [str(item) for item in value]


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _status(value: Any) -> str:
    return STATUS_OF[State(value)]


def _outcome(value: Any) -> str:
    return "converted" if value else "not_converted"


_Reader = Callable[[Any], Any]
# What follows time and kind in each line (router.record.EventKind), by the names shown.
_SHAPES: Final[Mapping[int, tuple[str, tuple[tuple[str, _Reader], ...]]]] = MappingProxyType(
    {
        EventKind.QUEUED: ("queued", (("reason", _text),)),
        EventKind.ASSIGNED: (
            "assigned",
            (("carrier", _text), ("attempt", int), ("_", repr), ("_", repr), ("explored", bool), ("copy", bool)),
        ),
        EventKind.UNROUTED: ("unrouted", (("_", repr), ("attempt", int))),
        EventKind.SUBMITTED: ("submitted", (("carrier", _text), ("carrier_ids", _texts), ("latency_us", int))),
        EventKind.REFUSED: ("refused", (("carrier", _text), ("carrier_status", int), ("error", _text), ("again", _text))),
        EventKind.UNKNOWN: ("unknown", (("carrier", _text), ("reason", _text))),
        EventKind.RECEIPT: (
            "receipt",
            (("carrier", _text), ("carrier_id", _text), ("receipt_status", _text), ("receipt_error", _text)),
        ),
        EventKind.FINAL: ("final", (("status", _status),)),
        EventKind.RETURNED: ("returned", (("carrier", _text), ("reason", _text))),
        EventKind.DENIED: ("denied", (("rule", _text),)),
        EventKind.RECEIVED: ("received", (("carrier", _text),)),
        EventKind.FEEDBACK: ("feedback", (("outcome", _outcome),)),
        EventKind.SUBMITTED_LATE: ("submitted_late", (("carrier", _text), ("carrier_ids", _texts), ("latency_us", int))),
    }
)
