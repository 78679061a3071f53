"""GET /v1/board/history: how the carriers fared in the last hours."""

import asyncio
from typing import Final

import msgspec

from router.api.http import Call, Reply, json_reply
from router.api.query import parameters
from router.api.read import unavailable
from router.brain.past import COARSE, FINE, Point, points, read_chunk, value_names
from router.journal.port import JournalError
from router.present import CLASS_WORDS, rfc3339
from router.setting import ClassWord

HOURS_MOST: Final = COARSE.keep_s / 3_600
HOURS_DEFAULT: Final = FINE.keep_s / 3_600


class BoardPoint(msgspec.Struct, frozen=True, kw_only=True):
    """One carrier at one time. ``success`` and ``wait_s`` are null where the place was not among those kept."""

    at: str
    carrier: str
    breaker: str
    suspect: bool
    trust: float
    submitted: int
    delivered: int
    undelivered: int
    pending: int
    success: dict[ClassWord, float] | None
    wait_s: dict[ClassWord, float] | None


class BoardHistory(msgspec.Struct, frozen=True, kw_only=True):
    """Points in order of time, ``step_s`` seconds apart."""

    network: str
    step_s: float
    data: list[BoardPoint]


async def history(call: Call) -> Reply:
    """Handle GET /v1/board/history?carrier=&network=&hours=."""
    asked = parameters(call.scope["query_string"], {"carrier": str, "network": str, "hours": _hours})
    hours: float = asked.get("hours", HOURS_DEFAULT)
    now_s = call.now_ms / 1000
    since_s = now_s - hours * 3_600
    grain = FINE if hours * 3_600 <= FINE.keep_s else COARSE
    try:
        chunks = await asyncio.gather(*(call.front.journal.get_value(name) for name in value_names(grain, since_s, now_s)))
    except JournalError as error:
        unavailable(error)
    network = asked.get("network", "*")
    found = [one for octets in chunks for one in points(read_chunk(octets), since_s, asked.get("carrier", ""), network)]
    return json_reply(200, BoardHistory(network=network, step_s=grain.every_s, data=[_shown(one) for one in found]))


def _hours(text: str) -> float:
    try:
        hours = float(text)
    except ValueError:
        hours = 0.0
    if not 0.0 < hours <= HOURS_MOST:
        raise ValueError(f"Expected hours, more than 0 and at most {HOURS_MOST:g}.")
    return hours


def _shown(point: Point) -> BoardPoint:
    return BoardPoint(
        at=rfc3339(round(point.at_s * 1000)),
        carrier=point.carrier,
        breaker=point.breaker,
        suspect=point.suspect,
        trust=point.trust,
        submitted=point.submitted,
        delivered=point.delivered,
        undelivered=point.undelivered,
        pending=point.pending,
        success=_by_class(point.success),
        wait_s=_by_class(point.wait_s),
    )


def _by_class(values: tuple[float, ...] | None) -> dict[ClassWord, float] | None:
    return None if values is None else dict(zip(CLASS_WORDS, values, strict=False))
