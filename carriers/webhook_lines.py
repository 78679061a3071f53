"""The kept connections of a courier, by endpoint."""

import asyncio
import contextlib
import ssl
from functools import lru_cache
from typing import Final

from carriers.webhook_guard import Resolver, connect
from carriers.webhook_line import WebhookLine
from router.addresses import AllowList

KEEP_ALIVE_S: Final = 4.0  # below the 5 s after which common servers (uvicorn, Node.js, Apache) close an idle connection
LOOK_S: Final = 1.0  # how often idle connections are looked through

Origin = tuple[str, str, int]  # scheme, host and port


class Lines:
    """Owns connections. ``tls``: whom to trust; None: whom the machine trusts."""

    def __init__(self, allow: AllowList, tls: ssl.SSLContext | None) -> None:
        self._allow = allow
        self._tls = tls
        self._idle: dict[Origin, list[WebhookLine]] = {}  # the last one used is used first: the others may time out in peace
        self._all: dict[WebhookLine, Origin] = {}
        self._look: asyncio.TimerHandle | None = None

    def take(self, origin: Origin) -> WebhookLine | None:
        """One that is idle, None where there is none."""
        idle = self._idle.get(origin)
        too_old_s = asyncio.get_running_loop().time() - KEEP_ALIVE_S
        while idle:
            line = idle.pop()
            if line.usable and line.idle_since_s > too_old_s:
                return line
            line.close()
        return None

    async def open(self, origin: Origin, resolver: Resolver) -> WebhookLine:
        """A new one; raises ``OSError`` (``Refused`` and ``Unresolved`` are, and TLS errors) or ``ValueError`` for a name that is none."""
        scheme, host, port = origin
        connected = await connect(host, port, await resolver.resolve(host, port), self._allow)
        tls = (self._tls or _trusting()) if scheme == "https" else None
        line = WebhookLine(self._idles, self._lost)
        self._all[line] = origin
        try:
            await asyncio.get_running_loop().create_connection(
                lambda: line, sock=connected, ssl=tls, server_hostname=host if tls is not None else None
            )
        except BaseException:
            self._all.pop(line, None)
            connected.close()
            raise
        return line

    def close(self) -> None:
        """Cut all of them."""
        if self._look is not None:
            self._look.cancel()
            self._look = None
        for line in list(self._all):
            line.cut()
        self._idle.clear()

    def _idles(self, line: WebhookLine) -> None:
        loop = asyncio.get_running_loop()
        line.idle_since_s = loop.time()
        self._idle.setdefault(self._all[line], []).append(line)
        if self._look is None:
            self._look = loop.call_later(LOOK_S, self._close_old)

    def _lost(self, line: WebhookLine) -> None:
        origin = self._all.pop(line, None)
        if origin is not None and line in (idle := self._idle.get(origin, [])):
            idle.remove(line)

    def _close_old(self) -> None:
        loop = asyncio.get_running_loop()
        too_old_s, self._look = loop.time() - KEEP_ALIVE_S, None
        for origin, idle in list(self._idle.items()):
            for line in [line for line in idle if line.idle_since_s <= too_old_s]:
                idle.remove(line)
                line.close()
            if not idle:
                del self._idle[origin]
        if self._idle:
            self._look = loop.call_later(LOOK_S, self._close_old)


@lru_cache(1)
def _trusting() -> ssl.SSLContext:
    """What the machine trusts, names checked."""
    context = ssl.create_default_context()
    with contextlib.suppress(NotImplementedError):
        context.set_alpn_protocols(["http/1.1"])
    return context
