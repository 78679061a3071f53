"""Processes of the system: which they are, how they are stopped, and when they are back."""

import contextlib
import http.client
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from actors.cli.chaos.world import TENANT, World
from actors.cluster import NAMESPACE
from actors.names import directory, kind_of
from router.model import MessageClass
from sims.invariants import Accepted

CALL_S: Final = 2.0
LOOK_S: Final = 0.05
GIVE_UP_S: Final = 120.0  # what is not back by then never comes
ACCEPTED: Final = 202
REFUSED: Final = frozenset({429, 503})
PROBE_MARK: Final = 90_000_000  # marks of probes begin here; those of the load are below


class Victim(NamedTuple):
    """An actor and its process."""

    name: str
    pid: int


def ping(actor: str) -> dict[str, Any] | None:
    """What an actor says of itself; None when it does not answer."""
    import ray

    try:
        return dict(ray.get(ray.get_actor(actor, NAMESPACE).ping.remote(), timeout=CALL_S))
    except (ValueError, ray.exceptions.RayError):
        return None


def victims(world: World, kind: str, *, wait_s: float = 0.0) -> list[Victim]:
    """The actors of a kind that answer now. With ``wait_s`` at least one: raises ``RuntimeError`` when none does in that time."""
    names = [name for name in (*directory(world.settings), "supervisor") if kind_of(name) == kind]
    deadline_s = time.monotonic() + wait_s
    while True:
        found = [(name, ping(name)) for name in names]
        answer = [Victim(name, int(told["pid"])) for name, told in found if told is not None]
        if answer or not wait_s:
            return answer
        if time.monotonic() > deadline_s:
            raise RuntimeError(f"no {kind} answers")
        time.sleep(LOOK_S)


def until(look: Callable[[], bool], within_s: float = GIVE_UP_S) -> float | None:
    """Seconds until ``look`` was true; None: it never was."""
    began_s = time.monotonic()
    while time.monotonic() - began_s < within_s:
        if look():
            return time.monotonic() - began_s
        time.sleep(LOOK_S)
    return None


def ready(actor: str, not_pid: int = 0) -> bool:
    """Whether an actor works (a carrier: is bound), in another process than ``not_pid``."""
    told = ping(actor)
    if told is None or told["pid"] == not_pid or not told["ready"]:
        return False
    return bool(told.get("up", True))


def send_signal(pid: int, number: signal.Signals) -> None:
    """Signal a process; one that is gone needs none."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


class Customer:
    """A customer who sends one message at a time, and asks whether the front is well. What is accepted counts like the load's."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._lock = threading.Lock()
        self._number = PROBE_MARK
        self.accepted: list[Accepted] = []
        self.marks: dict[int, str] = {}  # mark → id

    def front_answers(self) -> bool:
        """Whether the front takes messages, by its own word."""
        return self._call("GET", "/readyz", {}, None)[0] == 200

    def sends(self) -> Callable[[], bool]:
        """Something that tries to send one message, under one key, until it is accepted; whether it was."""
        number = self._next()
        return lambda: self._send(number, MessageClass.OTP) == ACCEPTED

    def refused(self) -> frozenset[MessageClass]:
        """Of which classes a message is refused now."""
        return frozenset(klass for klass in MessageClass if self._send(self._next(), klass) in REFUSED)

    def _next(self) -> int:
        with self._lock:
            self._number += 1
            return self._number

    def _send(self, number: int, klass: MessageClass) -> int:
        """Try to send a message, whose key and text are its number's; the status, 0 when nobody answered."""
        text = f"Your code is {number}."
        body = json.dumps({"to": f"+4917{number}", "from": "Probe", "text": text, "class": klass.word}).encode()
        key = f"probe-{number}"
        headers = {"Content-Type": "application/json", "Idempotency-Key": key}
        status, answer = self._call("POST", "/v1/messages", headers, body)
        if status == ACCEPTED:
            message_id = str(json.loads(answer)["id"])
            with self._lock:
                self.marks[number] = message_id
                self.accepted.append(Accepted(time.time_ns() // 1_000, message_id, TENANT, klass, key))
        return status

    def get(self, path: str) -> tuple[int, bytes]:
        """One page of the API; status 0: no answer."""
        return self._call("GET", path, {}, None)

    def _call(self, method: str, path: str, headers: dict[str, str], body: bytes | None) -> tuple[int, bytes]:
        line = http.client.HTTPConnection(urlsplit(self._world.state.api_url).netloc, timeout=CALL_S)
        try:
            line.request(method, path, body, headers | {"Authorization": f"Bearer {self._world.key}"})
            answer = line.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            return 0, b""
        finally:
            line.close()


def all_ready(actors: Sequence[str]) -> bool:
    """Whether all of these work."""
    return all(ready(actor) for actor in actors)
