"""The app factory: every route of the REST API over one front."""

from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from router.api import (
    accounts,
    board_history,
    document,
    feedback,
    fleet,
    hooks,
    operations,
    page,
    preview,
    read,
    records,
    resources,
)
from router.api.batch import BatchSender
from router.api.endpoint import Endpoint, Handler, PlainRoute, Whole, documented, internal_error
from router.api.http import problem_reply
from router.api.idempotency import Idempotency
from router.api.port import FrontPort
from router.api.problems import Refusal
from router.api.send import Sender
from router.guesses import Guesses

_OF_STATUS: Final = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}


def _version() -> str:
    try:
        return version("trunkline")
    except PackageNotFoundError:  # run from a source tree that was never installed
        return "0"


class Api(FastAPI):
    """FastAPI with a short way in: a request for a path without parameters goes to its endpoint at once.

    FastAPI's middlewares and routing cost 36 µs of processor time a request and do nothing for it: endpoints catch all that is raised. They see
    whatever has no fixed path, or none at all.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.fixed: dict[tuple[str, str], Endpoint] = {}  # by method and path
        self.whole: dict[tuple[bytes, bytes], Endpoint] = {}  # of these, those that take whole requests: ``Endpoint.take``

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An ASGI app."""
        if scope["type"] == "http" and (found := self.fixed.get((scope["method"], scope["path"]))) is not None:
            await found(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def create_app(front: FrontPort) -> Api:
    """The whole REST API over one front. Keeps nothing that may not be lost: idempotency keys under way, and wrong keys."""
    app = Api(
        title="Trunkline",
        version=_version(),
        description=document.DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    app.router.route_class = PlainRoute
    app.state.front = front

    guesses = Guesses(by_name=True)

    def add(
        method: str,
        path: str,
        handler: Handler,
        scopes: Sequence[str] | None = None,
        *,
        hidden: bool = False,
        whole: Whole | None = None,
    ) -> None:
        options: dict[str, Any] = {"include_in_schema": False}
        limited = False
        if not hidden:
            options = document.route_options(method, path)
            limited = resources.OPERATIONS[method, path].limited
        bound = Endpoint(front, path, handler, scopes=scopes, limited=limited, guesses=guesses, whole=whole)
        app.add_api_route(path, documented(bound), methods=[method], response_model=None, response_class=Response, **options)
        if "{" not in path:
            app.fixed[method, path] = bound
        if whole is not None:
            app.whole[method.encode(), path.encode()] = bound

    # Routes are tried in this order: the hottest first, fixed names before {id}.
    idempotency = Idempotency()
    sender = Sender(idempotency)
    add("POST", "/v1/messages", sender.post, ("send",), whole=sender)
    add("POST", "/v1/messages/batch", BatchSender(idempotency).post, ("send",))
    add("POST", "/v1/messages/preview", preview.preview, ("send", "read"))
    add("GET", "/v1/messages", read.list_messages, ("read",))
    add("GET", "/v1/messages/{id}", read.get_message, ("read",))
    add("GET", "/v1/messages/{id}/events", read.get_events, ("read",))
    add("POST", "/v1/messages/{id}/cancel", read.cancel, ("send",))
    add("POST", "/v1/messages/{id}/feedback", feedback.feedback, ("send",))
    add("POST", "/v1/feedback", feedback.feedbacks, ("send",))
    add("GET", "/v1/records", records.records, ("read",))
    add("GET", "/v1/carriers", fleet.carriers, ("read", "admin"))
    add("GET", "/v1/accounts", accounts.accounts, ("read", "admin"))
    add("GET", "/v1/board", fleet.board, ("read", "admin"))
    add("GET", "/v1/board/history", board_history.history, ("read", "admin"))
    add("GET", "/v1/webhooks/dead", hooks.dead, ("read", "admin"))
    add("POST", "/v1/webhooks/dead/replay", hooks.replay, ("send", "admin"))
    add("GET", "/healthz", operations.healthz)
    add("GET", "/readyz", operations.readyz)
    add("GET", "/metrics", operations.metrics)

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            raw = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
            app.openapi_schema = document.complete(raw)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # the way FastAPI documents for extending its document
    if front.terms.settings.api.docs:
        as_json, as_page = operations.document_handlers(openapi, page.render)
        add("GET", "/openapi.json", as_json, hidden=True)
        add("GET", "/docs", as_page, hidden=True)

    async def refused(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        headers = getattr(error, "headers", None) or {}
        refusal = Refusal(_OF_STATUS.get(status, "internal"), status=status)
        front.count_request("", status, 0.0)
        kept = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        return problem_reply(refusal.problem(request.url.path), kept)

    async def broken(request: Request, error: Exception) -> Response:
        return internal_error(front, request.url.path, error)

    app.add_exception_handler(HTTPException, refused)
    app.add_exception_handler(Exception, broken)
    return app
