"""The app factory."""

from fastapi import FastAPI

from router.api.port import FrontPort


def create_app(front: FrontPort) -> FastAPI:
    """The whole REST API over one front. Holds no state that may not be lost."""
    app = FastAPI(title="Trunkline", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.front = front
    return app
