"""The control endpoint: HTTP on the loopback interface, for demos and tests that change an SMSC while it runs.

GET /stats · GET /messages?limit=&to= · GET, POST, DELETE /temperament · POST /timetable
POST /mo with {"from", "to", "text"}: a message from a handset; "long": true repeats the text until it takes several parts,
"system_id" says whose it is (none: the first account that can receive).
"""

from itertools import islice
from typing import Any, Final

import msgspec
from aiohttp import web

from sims.smsc.handsets import InvalidMo
from sims.smsc.server import Smsc
from sims.smsc.temperament import InvalidTemperament, Timetable


class MoIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A message that a handset sends."""

    to: str
    text: str
    source: str = msgspec.field(name="from")
    long: bool = False
    system_id: str = ""


MESSAGES: Final = 100  # shown unless told otherwise


class Control:
    """Serves one SMSC. The temperament it had at construction is what DELETE goes back to."""

    def __init__(self, smsc: Smsc, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self._smsc = smsc
        self._host = host
        self._port = port
        self._first = smsc.temperament
        app = web.Application()
        app.add_routes(
            [
                web.get("/stats", self._stats),
                web.get("/messages", self._messages),
                web.get("/temperament", self._temperament),
                web.post("/temperament", self._change),
                web.delete("/temperament", self._reset),
                web.post("/timetable", self._timetable),
                web.post("/mo", self._mo),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None)

    async def start(self) -> int:
        """Listen; returns the port."""
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port).start()
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Close the port."""
        await self._runner.cleanup()

    async def _stats(self, _request: web.Request) -> web.Response:
        return web.json_response(snapshot(self._smsc))

    async def _messages(self, request: web.Request) -> web.Response:
        try:
            limit = int(request.query.get("limit", MESSAGES))
        except ValueError:
            return _invalid("limit: not a number")
        to = request.query.get("to", "").lstrip("+")
        newest = (arrived for arrived in reversed(self._smsc.inbox.recent) if not to or arrived.destination.lstrip("+") == to)
        return web.json_response({"data": [arrived.shown() for arrived in islice(newest, max(0, limit))]})

    async def _mo(self, request: web.Request) -> web.Response:
        try:
            asked = msgspec.json.decode(await request.read(), type=MoIn)
            parts = self._smsc.send_mo(asked.source, asked.to, asked.text, long=asked.long, system_id=asked.system_id)
        except (msgspec.DecodeError, InvalidMo) as error:
            return _invalid(str(error))
        return web.json_response({"parts": parts})

    async def _temperament(self, _request: web.Request) -> web.Response:
        return _shown(self._smsc)

    async def _change(self, request: web.Request) -> web.Response:
        try:
            self._smsc.set_temperament(**msgspec.json.decode(await request.read(), type=dict[str, Any]))
        except (msgspec.DecodeError, InvalidTemperament) as error:
            return _invalid(str(error))
        return _shown(self._smsc)

    async def _reset(self, _request: web.Request) -> web.Response:
        self._smsc.set_temperament(self._first)
        return _shown(self._smsc)

    async def _timetable(self, request: web.Request) -> web.Response:
        try:
            self._smsc.set_timetable(msgspec.json.decode(await request.read(), type=Timetable))
        except (msgspec.DecodeError, InvalidTemperament) as error:
            return _invalid(str(error))
        return _shown(self._smsc)


def snapshot(smsc: Smsc) -> dict[str, Any]:
    """All figures of an SMSC at this moment, as JSON can carry them."""
    accounts = {
        account.system_id: {
            "lines": len(account.lines),
            "receipts_waiting": len(account.pending),
            "receipts_unanswered": sum(line.session.unanswered for line in account.lines),
            "max_submits_in_a_second": account.per_second.maximum,
        }
        for account in smsc.office.accounts.values()
    }
    return smsc.stats.to_dict() | {
        "lines": len(smsc.office.lines),
        "outstanding": len(smsc.office.custody.outstanding),
        "parts": smsc.inbox.parts,
        "messages": smsc.inbox.messages,
        "incomplete": smsc.inbox.incomplete,
        "duplicates": smsc.inbox.duplicates,
        "accounts": accounts,
    }


def _shown(smsc: Smsc) -> web.Response:
    return web.json_response(msgspec.to_builtins(smsc.temperament))


def _invalid(reason: str) -> web.Response:
    return web.json_response({"title": "invalid", "detail": reason}, status=422, content_type="application/problem+json")
