"""The REST API as a customer's program calls it: one request after the other over one connection that stays."""

import http.client
import json
from typing import Any, Final
from urllib.parse import urlsplit

ANSWER_S: Final = 30.0


class Refused(Exception):
    """The API did not do what was asked, or did not answer."""


class Client:
    """Owns one connection."""

    def __init__(self, url: str, key: str) -> None:
        parts = urlsplit(url)
        self._line = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=ANSWER_S)
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def send(self, to: str, text: str) -> str:
        """One ``otp`` message to digits; returns its id. Raises ``Refused``."""
        return str(self._call("POST", "/v1/messages", {"to": f"+{to}", "from": "Bench", "text": text, "class": "otp"})["id"])

    def status(self, message_id: str) -> str:
        """How far a message is; raises ``Refused``."""
        return str(self._call("GET", f"/v1/messages/{message_id}")["status"])

    def close(self) -> None:
        """Close the connection."""
        self._line.close()

    def _call(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        try:
            self._line.request(method, path, None if body is None else json.dumps(body), self._headers)
            answer = self._line.getresponse()
            octets = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self._line.close()
            raise Refused(f"no answer: {error}") from error
        if not 200 <= answer.status < 300:
            raise Refused(f"{answer.status}: {octets[:200]!r}")
        return dict(json.loads(octets))
