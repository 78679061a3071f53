"""Records of first attempts: what was decided for a message, from what, and what came of it, without its text, sender or number.

One record a message, for analysis outside of the system; their layout is stable and versioned (``FirstAttempt``). First attempts only: what
failover does later depends on what went before.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from msgspec import Struct, field

from router.history import decision_row
from router.ids import created_ms, to_text
from router.journal.port import Record
from router.model import STATUS_OF, State
from router.present import CLASS_WORDS, lines_of
from router.record import Body, EventKind
from router.setting import ClassWord

VERSION: Final = 1
RECEIPT_DELIVERED: Final = "DELIVRD"  # SMPP 3.4, 5.2.28
RECEIPTS_FAILED: Final = frozenset({"UNDELIV", "EXPIRED", "DELETED", "REJECTD"})

AttemptEnd = Literal["delivered", "undelivered", "refused", "unconfirmed", "pending"]
# carrier, price_micros of the whole message, p, wait_s, shadow_micros, cost_micros, sd of p, speed_mps now contracted (0: none)
Option = tuple[str, int, float, float, int, int, float | None, int]


_ENDS: Final[Mapping[State, AttemptEnd]] = {
    State.DELIVERED: "delivered",
    State.UNDELIVERED: "undelivered",
    State.EXPIRED: "undelivered",
}


class FirstAttempt(Struct, frozen=True, kw_only=True):
    """One message. Times are milliseconds since 1970, money millionths of ``currency``."""

    version: int = VERSION
    id: str
    tenant: str
    klass: ClassWord = field(name="class")
    country: str
    network: str
    segments: int
    currency: str
    due_ms: int  # accepted, or its send_at
    at_ms: int  # when the carrier was chosen; 0: it was not yet, or never
    seen_ms: int  # when this record was made: what has no receipt may get one later
    policy: str
    rule: str  # the rules before the brain that decided something
    board: int
    carrier: str
    explored: bool
    reason: str  # why it was explored, where that is kept
    considered: list[Option]  # best first; empty: the decision is not kept (any more)
    excluded: dict[str, str]
    price_micros: int  # of the whole message at the carrier; -1: not known
    outcome: AttemptEnd  # of the first attempt
    seconds: float | None  # from the choice to the receipt
    attempts: int  # so far, of the message
    status: str  # of the message


def first_attempt(
    record: Record, body: Body, tables: Mapping[bytes, Sequence[Any]], speeds: Mapping[str, int], seen_ms: int
) -> FirstAttempt:
    """The record of a message. ``tables``: decision tables by id, as far as they are kept; ``speeds``: contracted, by carrier."""
    lines = lines_of(record)
    begin = _assignment(lines)
    assigned: Sequence[Any] = lines[begin] if begin is not None else (0, 0, "", 0)
    at_ms, carrier = int(assigned[0]), str(assigned[2])
    row = decision_row(assigned, tables) or {}
    word = assigned[6] if len(assigned) > 6 else False
    outcome, settled_ms = _outcome(record, lines[begin + 1 :], carrier) if begin is not None else ("pending", None)
    considered = _considered(row, speeds)
    excluded, board = row.get("excluded"), row.get("board")
    return FirstAttempt(
        id=to_text(record.id),
        tenant=body.tenant,
        klass=CLASS_WORDS[body.klass],
        country=body.country,
        network=str(row.get("network") or body.network),  # a number may have moved
        segments=body.segments,
        currency=body.currency,
        due_ms=max(created_ms(record.id), body.send_at_ms),
        at_ms=at_ms,
        seen_ms=seen_ms,
        policy=str(row.get("policy") or body.policy),
        rule=str(row.get("rule") or ""),
        board=board if isinstance(board, int) else 0,
        carrier=carrier,
        explored=bool(word),
        reason=word if isinstance(word, str) else "",
        considered=considered,
        excluded={str(name): str(why) for name, why in excluded.items()} if isinstance(excluded, Mapping) else {},
        price_micros=next((option[1] for option in considered if option[0] == carrier), -1),
        outcome=outcome,
        seconds=None if settled_ms is None else max(settled_ms - at_ms, 0) / 1000,
        attempts=record.attempts,
        status=STATUS_OF[record.state],
    )


def _assignment(lines: Sequence[Sequence[Any]]) -> int | None:
    """Where the first attempt begins: the last line of attempt 1, for one that was taken back unsent does not count."""
    found = [
        place
        for place, line in enumerate(lines)
        if line[1] == EventKind.ASSIGNED and len(line) > 5 and line[3] == 1 and isinstance(line[2], str)
    ]
    if not found:
        return None
    after = lines[found[-1] + 1 :]
    return None if any(line[1] == EventKind.RETURNED for line in after[: _until_next(after)]) else found[-1]


def _until_next(rest: Sequence[Sequence[Any]]) -> int:
    """How many lines there are until another attempt."""
    return next((place for place, line in enumerate(rest) if line[1] == EventKind.ASSIGNED), len(rest))


def _outcome(record: Record, rest: Sequence[Sequence[Any]], carrier: str) -> tuple[AttemptEnd, int | None]:
    """What came of the attempt whose assignment ``rest`` follows, and when its receipt came."""
    later = _until_next(rest)
    before = rest[:later]
    if any(line[1] == EventKind.REFUSED for line in before):
        return "refused", None
    if later == len(rest):
        final = next((line for line in before if line[1] == EventKind.FINAL), None)
        if final is None:
            return "pending", None
        receipted = any(line[1] == EventKind.RECEIPT for line in before)
        end = _ENDS.get(record.state) if receipted or record.state is State.DELIVERED else None
        return ("unconfirmed", None) if end is None else (end, int(final[0]))
    # In doubt when another was tried: a receipt of its own settles it.
    late = [line for line in rest[later:] if line[1] == EventKind.SUBMITTED_LATE and line[2:3] == [carrier]]
    wanted = {name for line in (*before, *late) for name in _carrier_ids(line)}
    beside = list(rest[later][7:8]) == [True]  # a second copy, made while nothing came of this one
    for line in rest:
        mine = line[1] == EventKind.RECEIPT and len(line) > 4 and line[2] == carrier and line[3] in wanted
        if mine and line[4] == RECEIPT_DELIVERED:
            return "delivered", int(line[0])
        if mine and beside and line[4] in RECEIPTS_FAILED:
            return "undelivered", int(line[0])
    return "pending" if beside and not record.state.final else "unconfirmed", None


def _carrier_ids(line: Sequence[Any]) -> Sequence[Any]:
    """The carrier's ids that a line tells."""
    told = line[1] in {EventKind.SUBMITTED, EventKind.SUBMITTED_LATE} and len(line) > 3
    return line[3] if told and isinstance(line[3], list) else ()


def _considered(row: Mapping[str, Any], speeds: Mapping[str, int]) -> list[Option]:
    """The carriers of a row; those that cannot be read are left out."""
    found: list[Option] = []
    for entry in row.get("considered") or ():
        try:
            carrier, price, p, wait_s, shadow, cost, *more = entry
            sd = float(more[0]) if more else None
            values = (int(price), float(p), float(wait_s), int(shadow), int(cost))
        except (TypeError, ValueError):
            continue
        found.append((str(carrier), *values, sd, speeds.get(str(carrier), 0)))
    return found
