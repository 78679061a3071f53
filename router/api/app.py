"""The app factory: every route of the REST API over one front."""

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from router.api.batch import BatchSender
from router.api.http import Handler, PlainRoute, endpoint, internal_error, problem_reply
from router.api.idempotency import Idempotency
from router.api.port import FrontPort
from router.api.problems import Refusal
from router.api.send import Sender


def create_app(front: FrontPort) -> FastAPI:
    """The whole REST API over one front. Keeps nothing that may not be lost: idempotency keys under way, and that is all."""
    app = FastAPI(title="Trunkline", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    app.router.route_class = PlainRoute
    app.state.front = front
    idempotency = Idempotency()

    def add(
        method: str, path: str, handler: Handler, *, scopes: Sequence[str] | None, limited: bool = False, **options: Any
    ) -> None:
        bound = endpoint(front, path, handler, scopes=scopes, limited=limited)
        app.add_api_route(path, bound, methods=[method], response_model=None, **options)

    add("POST", "/v1/messages", Sender(idempotency).post, scopes=("send",), limited=True)
    add("POST", "/v1/messages/batch", BatchSender(idempotency).post, scopes=("send",), limited=True)

    async def refused(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        headers = getattr(error, "headers", None) or {}
        refusal = Refusal({404: "not_found", 405: "method_not_allowed"}.get(status, "internal"), status=status)
        front.count_request("", status, 0.0)
        allow = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        return problem_reply(refusal.problem(request.url.path), allow)

    async def broken(request: Request, error: Exception) -> Response:
        return internal_error(front, request.url.path, error)

    app.add_exception_handler(HTTPException, refused)
    app.add_exception_handler(Exception, broken)
    return app
