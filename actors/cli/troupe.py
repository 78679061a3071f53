"""The real actors on the stage of the simulated system."""

from collections.abc import Mapping, Sequence
from typing import Any

from actors import machine
from actors.brain_client import BrainCall
from actors.calls import RayCarrier, RayPeers
from actors.carrier import Carrier
from actors.courier import Courier
from actors.dispatcher import Dispatcher
from actors.front import Front
from actors.limiter import Limiter
from actors.names import carrier_of, directory, kind_of
from actors.peers import PeerCalls
from actors.shell import SETTINGS_VALUE, JournalAddress, Shell
from router.api.app import create_app
from router.brain.port import Observation
from router.config import dump_settings
from router.settings import Settings
from sims.swarm.cast import Calls
from sims.swarm.node import Node

ADDRESS = JournalAddress("sim://journal")
PLAYED = frozenset({"front", "limiter", "dispatcher", "carrier", "courier"})  # the brain is away: the others go on without it


class NoBrain:
    """``BrainCall`` of a system whose brain does not run."""

    def observe(self, brain: str, batch: Sequence[Observation]) -> bool:
        del brain, batch
        return True


class _Calls:
    """``actors.calls.Calls`` over the simulation."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def call(self, actor: str, method: str, *arguments: Any) -> Any:
        return await self._calls(actor, method, *arguments)


class StageFront(Front):
    """The front, asked without a socket: a request is an ASGI scope, as the HTTP server would make it."""

    def __init__(self, name: str, address: JournalAddress, peers: PeerCalls, brain: BrainCall) -> None:
        self._app: Any = None
        super().__init__(name, address, peers, brain)

    async def serve(self) -> None:
        self._app = create_app(self)

    async def request(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        """Handle one; returns status and body."""
        if self._app is None:
            return 503, b""
        path, _, query = target.partition("?")
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }
        said: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body}

        async def send(message: dict[str, Any]) -> None:
            said.append(message)

        await self._app(scope, receive, send)
        return int(said[0]["status"]), b"".join(message.get("body", b"") for message in said[1:])


class Troupe:
    """``sims.swarm.cast.Cast`` with the actors that run in earnest."""

    def roles(self, settings: Settings) -> Sequence[str]:
        return [name for name in directory(settings) if kind_of(name) in PLAYED]

    def initial(self, settings: Settings) -> Sequence[tuple[str, bytes]]:
        return [(SETTINGS_VALUE, dump_settings(settings))]

    def play(self, role: str, node: Node, calls: Calls) -> Shell:
        machine.run_on(node)
        over: Any = _Calls(calls)  # the two have one shape
        index = int(role.rpartition("#")[2])
        match kind_of(role):
            case "front":
                return StageFront(role, ADDRESS, RayPeers(over), NoBrain())
            case "limiter":
                return Limiter(role, ADDRESS)
            case "dispatcher":
                return Dispatcher(role, ADDRESS, index, lambda name: RayCarrier(over, name))
            case "carrier":
                return Carrier(role, ADDRESS, carrier_of(role), NoBrain())
            case _:
                return Courier(role, ADDRESS, index)
