"""The REST API as the command line calls it: one request after the other, over one connection."""

import http.client
import ssl
from collections.abc import Collection
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

import msgspec

ANSWER_TIMEOUT_S: Final = 30.0
_PASSING: Final = frozenset({408, 429, 500, 502, 503, 504})  # statuses that say nothing about the request itself


class ApiError(Exception):
    """The call did not do what was asked; the text is what to tell the user. ``passing``: it may work in a moment."""

    def __init__(self, text: str, *, status: int = 0, code: str = "", passing: bool = False) -> None:
        super().__init__(text)
        self.status = status  # 0: no answer
        self.code = code
        self.passing = passing


def base_url(url: str) -> SplitResult:
    """A base URL taken apart; raises ``ValueError`` with a sentence."""
    try:
        parts = urlsplit(url)
        port_is_sound = parts.port is None or parts.port > 0
    except ValueError as error:
        raise ValueError(f"{url!r} is no URL: {error}") from error
    if parts.scheme not in {"http", "https"} or not parts.hostname or not port_is_sound:
        raise ValueError(f"{url!r} is no URL of an API: it looks like http://127.0.0.1:8080")
    return parts


class Api:
    """A client. Owns one connection, made anew when the server has closed it meanwhile."""

    def __init__(self, url: str, key: str, *, timeout_s: float = ANSWER_TIMEOUT_S) -> None:
        parts = base_url(url)
        self.url = url.rstrip("/")
        self._path = parts.path.rstrip("/")
        self._key = key
        host, port = parts.hostname or "", parts.port
        self._line: http.client.HTTPConnection
        if parts.scheme == "https":
            self._line = http.client.HTTPSConnection(host, port, timeout=timeout_s, context=ssl.create_default_context())
        else:
            self._line = http.client.HTTPConnection(host, port, timeout=timeout_s)

    def get(self, path: str, *, expect: Collection[str]) -> Any:
        """GET an object that has at least the keys ``expect``; raises ``ApiError``.

        Asked a second time when the connection turns out to have been closed meanwhile.
        """
        reused = self._line.sock is not None
        try:
            return self._call("GET", path, None, expect)
        except ApiError as error:
            if not reused or error.status:
                raise
        return self._call("GET", path, None, expect)

    def post(self, path: str, value: Any, *, expect: Collection[str]) -> Any:
        """POST a JSON value; as ``get``, but never made twice, hence always over a fresh connection."""
        self._line.close()
        return self._call("POST", path, value, expect)

    def close(self) -> None:
        """Close the connection."""
        self._line.close()

    def _call(self, method: str, path: str, value: Any, expect: Collection[str]) -> Any:
        headers = {"Accept": "application/json", "User-Agent": "trunkline-cli"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        octets = None
        if value is not None:
            octets = msgspec.json.encode(value)
            headers["Content-Type"] = "application/json"
        try:
            self._line.request(method, self._path + path, octets, headers)
            answer = self._line.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self._line.close()
            why = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise ApiError(f"the API at {self.url} does not answer: {why}", passing=True) from error
        if not 200 <= answer.status < 300:
            raise _refused(answer.status, body)
        try:
            found = msgspec.json.decode(body)
        except msgspec.DecodeError:
            found = None
        if not isinstance(found, dict) or not found.keys() >= set(expect):
            raise ApiError(f"what answers at {self.url} is not Trunkline's API", status=answer.status)
        return found


class _Fault(msgspec.Struct):
    pointer: str = ""
    detail: str = ""


class _Problem(msgspec.Struct):
    """Problem details (RFC 9457), as far as they are shown; a proxy's may have fewer."""

    title: str = ""
    detail: str = ""
    code: str = ""
    errors: list[_Fault] = []


def _refused(status: int, body: bytes) -> ApiError:
    try:
        problem = msgspec.json.decode(body, type=_Problem)
    except msgspec.DecodeError:
        problem = _Problem()
    if not problem.title:
        return ApiError(f"the API answered {status}", status=status, passing=status in _PASSING)
    text = problem.title + (f": {problem.detail}" if problem.detail else "")
    details = [f"  {fault.pointer}: {fault.detail}" for fault in problem.errors]
    if len(details) == 1 and problem.errors[0].detail == problem.detail:
        text, details = f"{problem.title}: {problem.errors[0].pointer}: {problem.detail}", []
    return ApiError(
        "\n".join([f"{text} ({status} {problem.code})" if problem.code else f"{text} ({status})", *details]),
        status=status,
        code=problem.code,
        passing=status in _PASSING,
    )
