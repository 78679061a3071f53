"""TCP as it behaves: octets arrive in order or not at all, late, cut anywhere; a connection falls at both ends, not at the same time."""

import asyncio
import contextvars
from collections.abc import Callable
from random import Random
from typing import Any, Final

from sims.swarm.loop import VirtualLoop

LATENCY_S: Final = (0.0002, 0.004)  # one way


class End(asyncio.Transport):
    """One end of a connection, as a transport."""

    def __init__(self, network: "Network", protocol: asyncio.Protocol, context: contextvars.Context) -> None:
        super().__init__()
        self.network = network
        self.protocol = protocol
        self.context = context
        self.other: End
        self.closing = False
        self.lost = False
        self.arrives_s = 0.0  # when the last octets written here will be there
        self._waiting: list[bytes] | None = None  # what came while nobody read

    def write(self, data: Any) -> None:
        """Octets leave."""
        if not self.closing and data:
            self.network.carry(self, self.other._arrive, bytes(data))  # noqa: SLF001 (the other end is one of these)

    def close(self) -> None:
        """Leave after all that was written."""
        if not self.closing:
            self.closing = True
            self.network.carry(self, self.other._fall, None)  # noqa: SLF001 (as above)
            self.network.loop.call_soon(self._fall, None, context=self.context)

    def abort(self) -> None:
        """Leave at once; what is under way from here may be lost."""
        if not self.lost:
            self.closing = True
            self.network.carry(self, self.other._fall, ConnectionResetError("reset by peer"))  # noqa: SLF001 (as above)
            self.network.loop.call_soon(self._fall, None, context=self.context)

    def is_closing(self) -> bool:
        """As asyncio."""
        return self.closing

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """There is no socket."""
        return ("sim", 0) if name == "peername" else default

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Peers always read."""

    def pause_reading(self) -> None:
        """Keep what comes."""
        if self._waiting is None:
            self._waiting = []

    def resume_reading(self) -> None:
        """Have what came meanwhile."""
        waiting, self._waiting = self._waiting, None
        for data in waiting or ():
            self.network.loop.call_soon(self._arrive, data, context=self.context)

    def _arrive(self, data: bytes) -> None:
        if self.lost or self.closing:
            return
        if self._waiting is not None:
            self._waiting.append(data)
        else:
            self.protocol.data_received(data)

    def _fall(self, error: Exception | None) -> None:
        if not self.lost:
            self.lost = self.closing = True
            self.network.ends.pop(self, None)
            self.protocol.connection_lost(error)


class Network:
    """Listeners by address, and all connections."""

    def __init__(self, loop: VirtualLoop, rng: Random) -> None:
        self.loop = loop
        self.rng = rng
        self.listeners: dict[tuple[str, int], tuple[Callable[[], asyncio.Protocol], contextvars.Context]] = {}
        self.unreachable: dict[str, float] = {}  # host → until when
        self.ends: dict[End, str] = {}  # to the host that listens
        loop.connect = self.connect

    def listen(self, host: str, port: int, accept: Callable[[], asyncio.Protocol]) -> None:
        """Have connections to this address taken."""
        self.listeners[host, port] = accept, contextvars.Context()

    def carry(self, sender: End, receive: Callable[[Any], None], what: Any) -> None:
        """Have something arrive at the other end, after all that was sent before."""
        sender.arrives_s = max(sender.arrives_s, self.loop.time() + self.rng.uniform(*LATENCY_S))
        self.loop.call_at(sender.arrives_s, receive, what, context=sender.other.context)

    async def connect(self, factory: Callable[[], asyncio.Protocol], host: str, port: int) -> tuple[End, asyncio.Protocol]:
        """A connection to whoever listens there; raises ``OSError``."""
        await asyncio.sleep(self.rng.uniform(*LATENCY_S))
        found = self.listeners.get((host, port))
        if found is None or self.unreachable.get(host, 0.0) > self.loop.time():
            raise ConnectionRefusedError(f"nobody listens at {host}")
        accept, context = found
        near = End(self, factory(), contextvars.copy_context())
        far = End(self, context.run(accept), context)
        near.other, far.other = far, near
        self.ends[near] = self.ends[far] = host
        self.loop.call_soon(far.protocol.connection_made, far, context=context)
        near.protocol.connection_made(near)
        return near, near.protocol

    def cut(self, host: str) -> int:
        """Cut every connection to a host: what is under way, either way, is lost. How many ends fell."""
        fallen = [end for end, where in self.ends.items() if where == host]
        for end in fallen:
            self._lose(end, "the line was cut")
        return len(fallen)

    def process_ended(self, belongs: Callable[[contextvars.Context], bool]) -> None:
        """A process is no more: its peers see resets."""
        for end in [end for end in self.ends if belongs(end.context)]:
            end.lost = end.closing = True
            self.ends.pop(end, None)
            self.carry(end, end.other._fall, ConnectionResetError("reset by peer"))  # noqa: SLF001 (an end of ours)

    def _lose(self, end: End, reason: str) -> None:
        if not end.lost:
            end.closing = True  # what is under way to it is dropped
            delay_s = self.rng.uniform(*LATENCY_S)
            self.loop.call_later(delay_s, end._fall, ConnectionResetError(reason), context=end.context)  # noqa: SLF001 (as above)
