"""The thin layer between a server and the handlers.

FastAPI registers and documents the routes; a request passes none of its dependency injection, because that and pydantic together double
the cost of a request.
"""

import logging
import traceback
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from fastapi.routing import APIRoute
from starlette.types import Message, Receive, Scope, Send

from router.api.http import Call, Reply, limit_headers, problem_reply
from router.api.port import FrontPort
from router.api.problems import Refusal
from router.guesses import Guesses

log = logging.getLogger(__name__)

Handler = Callable[[Call], Awaitable[Reply]]
Later = Callable[..., None]
"""Called with a function and its arguments as soon as they make the reply; the function gives None when it has asked for more first."""


class PlainRoute(APIRoute):
    """A route that FastAPI documents and whose requests go straight to ``bound`` (an ASGI app given as the endpoint's attribute)."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        self.app = endpoint.bound  # type: ignore[attr-defined]  # set by ``documented`` below


class Whole(Protocol):
    """A handler's second door, for a request that is here to its last octet: no ``await``, and so no task."""

    def fits(self, headers: Mapping[bytes, bytes], size: int) -> bool:
        """Whether ``take`` may have it; False: it has to come by ASGI."""
        ...

    def take(self, call: Call, octets: bytes, later: Later) -> Reply | None:
        """The reply, or None: ``later`` will be called. Raises ``Refusal``."""
        ...


class Endpoint:
    """A bound handler: key and scopes (None: open to all) and who guessed at them, the rate-limit headers, problems for refusals, the request's metrics.

    Called as an ASGI app, or by ``take``: the same functions and so the same answers.
    """

    def __init__(
        self,
        front: FrontPort,
        path: str,
        handler: Handler,
        *,
        scopes: Sequence[str] | None,
        limited: bool,
        guesses: Guesses,
        whole: Whole | None = None,
    ) -> None:
        self._front = front
        self.path = path
        self._handler = handler
        self._scopes = scopes
        self._limited = limited
        self._guesses = guesses
        self._whole = whole

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An ASGI app."""
        started_s = self._front.monotonic_s()
        call = Call(self._front, scope, receive)
        try:
            if self._scopes is not None:
                call.authenticate(self._scopes, self._guesses)
            reply = await self._handler(call)
        except Exception as error:  # noqa: BLE001 - whatever it is, the client gets a problem and the log an event
            reply = self._failed(call, error)
        await self._limits(call, reply)(scope, receive, send)
        self._front.count_request(self.path, reply.status_code, self._front.monotonic_s() - started_s)

    def take(self, scope: Scope, octets: bytes, answer: Callable[[Reply], None]) -> bool:
        """Handle a request whose body is here. ``scope``: path, client and headers. ``answer`` is called once, now or later.

        False: nothing has happened, and the request has to come by ASGI.
        """
        whole = self._whole
        if whole is None:
            return False
        started_s = self._front.monotonic_s()
        call = Call(self._front, scope, _nothing_more)
        if not whole.fits(call.headers, len(octets)):
            return False

        def later(make: Callable[..., Reply | None], *arguments: Any) -> None:
            try:
                reply = make(*arguments)
            except Exception as error:  # noqa: BLE001 - as above
                reply = self._failed(call, error)
            if reply is not None:
                answer(self._limits(call, reply))
                self._front.count_request(self.path, reply.status_code, self._front.monotonic_s() - started_s)

        def begin() -> Reply | None:
            if self._scopes is not None:
                call.authenticate(self._scopes, self._guesses)
            return whole.take(call, octets, later)

        later(begin)
        return True

    def _failed(self, call: Call, error: Exception) -> Reply:
        if isinstance(error, Refusal):
            return problem_reply(error.problem(call.path), error.headers)
        return internal_error(self._front, call.path, error)

    def _limits(self, call: Call, reply: Reply) -> Reply:
        if self._limited and hasattr(call, "tenant"):
            reply.raw_headers += limit_headers(call.limits or self._front.admit(call.tenant.id, 0, 0))
        return reply


async def _nothing_more() -> Message:
    return {"type": "http.disconnect"}


def documented(bound: Endpoint) -> Callable[[], Awaitable[Reply]]:
    """What FastAPI registers of an endpoint: it only reads this function's name and place, and requests go to ``bound``."""

    async def documented() -> Reply:
        raise NotImplementedError

    documented.bound = bound  # type: ignore[attr-defined]  # read by ``PlainRoute``
    return documented


def internal_error(front: FrontPort, path: str, error: BaseException) -> Reply:
    """The answer to a bug: nothing of it but a reference, under which the log has type and place (not the words: they may quote a text)."""
    reference = front.entropy(8).hex()
    places = " < ".join(
        f"{Path(f.filename).name}:{f.lineno}" for f in reversed(traceback.extract_tb(error.__traceback__, limit=-5))
    )
    log.error("api.internal_error reference=%s error=%s at=%s", reference, type(error).__name__, places)
    return problem_reply(Refusal("internal", f"Reference {reference}.").problem(path))
