"""Unit tests touch pure code only: no Ray, no sleeping, no connections."""

import socket
import time

import pytest


def _forbidden(what: str):
    def refuse(*_args: object, **_kwargs: object) -> None:
        raise AssertionError(f"a unit test called {what}")

    return refuse


@pytest.fixture(autouse=True)
def _pure(monkeypatch):
    import ray

    monkeypatch.setattr(ray, "init", _forbidden("ray.init"))
    monkeypatch.setattr(time, "sleep", _forbidden("time.sleep"))
    monkeypatch.setattr(socket.socket, "connect", _forbidden("socket.connect"))
    monkeypatch.setattr(socket, "create_connection", _forbidden("socket.create_connection"))
