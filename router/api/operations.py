"""What operators and orchestrators ask: is it alive, is it ready, how is it doing, how is it used."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec

from router.api.http import Call, Reply, json_reply
from router.journal.port import JournalError

METRICS_TYPE: Final = b"text/plain; version=0.0.4; charset=utf-8"  # the Prometheus text exposition


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """Alive, and how sure a 202 is: ``strong`` (every write on disk), ``standard``, ``degraded``, ``unknown`` (no journal answers)."""

    status: str
    durability: str
    journal: dict[str, str | int | float]


class Readiness(msgspec.Struct, frozen=True):
    """Whether requests should come here, and if not, why."""

    ready: bool
    reasons: list[str]


async def healthz(call: Call) -> Reply:
    """Handle GET /healthz. Without a journal the process is alive all the same: a restart would not bring it back."""
    try:
        journal = dict(await call.front.journal.health())
    except JournalError as error:
        journal = {"error": type(error).__name__}
    return json_reply(200, Health(status="ok", durability=str(journal.get("durability", "unknown")), journal=journal))


async def readyz(call: Call) -> Reply:
    """Handle GET /readyz."""
    ready, reasons = call.front.ready()
    headers = [] if ready else [(b"retry-after", b"1")]
    return json_reply(200 if ready else 503, Readiness(ready, list(reasons)), headers)


async def metrics(call: Call) -> Reply:
    """Handle GET /metrics."""
    return Reply(200, await call.front.exposition(), METRICS_TYPE)


def document_handlers(
    document: Callable[[], dict[str, Any]], page: Callable[[dict[str, Any]], str]
) -> tuple[Callable[[Call], Awaitable[Reply]], Callable[[Call], Awaitable[Reply]]]:
    """Handlers of GET /openapi.json and GET /docs, each rendered once."""
    rendered: dict[str, bytes] = {}

    async def openapi(_: Call) -> Reply:
        if "json" not in rendered:
            rendered["json"] = msgspec.json.encode(document())
        return Reply(200, rendered["json"])

    async def docs(_: Call) -> Reply:
        if "page" not in rendered:
            rendered["page"] = page(document()).encode()
        return Reply(200, rendered["page"], b"text/html; charset=utf-8", page=True)

    return openapi, docs
