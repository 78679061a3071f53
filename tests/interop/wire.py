"""Conversations between our ends and others', recorded by a relay between them, and written as a capture file."""

import asyncio
import contextlib
import struct
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.listening import listening

PORT = 2775  # of the server in the capture, whatever it was on the machine
SEGMENT_OCTETS = 16_000  # of a TCP segment: loopback takes 64 KiB, and a reader has to put PDUs together
FIN, SYN, PSH, ACK = 1, 2, 8, 16


@dataclass
class Conversation:
    """One connection: octets with their times, from the client (True) or from the server."""

    opened_s: float
    chunks: list[tuple[float, bool, bytes]] = field(default_factory=list)

    def stream(self, *, client: bool) -> bytes:
        return b"".join(octets for _, by_client, octets in self.chunks if by_client == client)

    def pdus(self) -> list[tuple[bool, bytes]]:
        """All whole PDUs of either side, cut by their lengths alone."""
        found = []
        for client in (True, False):
            stream, at = self.stream(client=client), 0
            while len(stream) - at >= 16:
                (length,) = struct.unpack_from(">I", stream, at)
                assert 16 <= length <= 70_000, "no PDU"
                if at + length > len(stream):
                    break
                found.append((client, stream[at : at + length]))
                at += length
            assert at == len(stream), "a PDU without an end"
        return found


class Tap:
    """A relay on a port of its own: what comes is recorded and passed on, and so is the end of each direction."""

    def __init__(self, conversations: list[Conversation], port: int) -> None:
        self.conversations = conversations
        self._upstream_port = port
        self._ending = contextlib.AsyncExitStack()
        self.port = 0

    async def start(self) -> "Tap":
        self.port = await self._ending.enter_async_context(listening(self._accepted))
        return self

    async def close(self) -> None:
        await self._ending.aclose()

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._upstream_port)
        except OSError:
            return
        conversation = Conversation(time.monotonic())
        self.conversations.append(conversation)
        try:
            await asyncio.gather(
                self._pump(reader, far_writer, conversation, client=True),
                self._pump(far_reader, writer, conversation, client=False),
            )
        finally:
            far_writer.close()
            with contextlib.suppress(OSError):
                await far_writer.wait_closed()

    async def _pump(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, conversation: Conversation, *, client: bool
    ) -> None:
        """Until the source ends: then the target hears that, and may still answer."""
        try:
            while octets := await source.read(65_536):
                conversation.chunks.append((time.monotonic(), client, octets))
                target.write(octets)
                await target.drain()
            target.write_eof()
        except OSError:
            target.close()  # one of the two has been cut, and the other hears of it now


def write_capture(path: Path, conversations: list[Conversation]) -> int:
    """A pcap file (the classic format, microseconds, Ethernet) of all conversations as they happened; how many frames."""
    frames: list[tuple[float, bytes]] = []
    for number, one in enumerate(conversations):
        port = 10_000 + number % 50_000
        sent = {True: 1_000, False: 500_000}  # the next sequence number of either side
        last_s = one.opened_s

        def add(at_s: float, client: bool, flags: int, octets: bytes = b"") -> None:
            ports = (port, PORT) if client else (PORT, port)  # noqa: B023 (called in this round only)
            heard = 0 if flags == SYN else sent[not client]  # noqa: B023 (as above)
            frames.append((at_s, _frame(client, ports, sent[client], heard, flags, octets)))  # noqa: B023 (as above)
            sent[client] = (sent[client] + len(octets) + (flags & (SYN | FIN) != 0)) % 2**32  # noqa: B023 (as above)

        add(last_s, True, SYN)
        add(last_s, False, SYN | ACK)
        add(last_s, True, ACK)
        for last_s, client, octets in one.chunks:
            for start in range(0, len(octets), SEGMENT_OCTETS):
                add(last_s, client, PSH | ACK, octets[start : start + SEGMENT_OCTETS])
        add(last_s, True, FIN | ACK)
        add(last_s, False, FIN | ACK)
        add(last_s, True, ACK)
    frames.sort(key=lambda frame: frame[0])  # a stable sort: what has one time stays in order
    first_s = frames[0][0] if frames else 0.0
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262_144, 1))
        for at_s, octets in frames:
            us = round((at_s - first_s) * 1e6)
            file.write(struct.pack("<IIII", us // 1_000_000, us % 1_000_000, len(octets), len(octets)) + octets)
    return len(frames)


def _frame(client: bool, ports: tuple[int, int], sequence: int, heard: int, flags: int, octets: bytes) -> bytes:
    """Ethernet II, IPv4 (RFC 791) and TCP (RFC 9293) around octets, from 10.0.0.1 (client) to 10.0.0.2 or back."""
    hosts = bytes((10, 0, 0, 1)), bytes((10, 0, 0, 2))
    source, target = hosts if client else hosts[::-1]
    tcp = struct.pack(">HHIIBBHHH", *ports, sequence, heard, 5 << 4, flags, 65_535, 0, 0) + octets
    check = _checksum(source + target + struct.pack(">BBH", 0, 6, len(tcp)) + tcp)
    tcp = tcp[:16] + struct.pack(">H", check) + tcp[18:]
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0x4000, 64, 6, 0) + source + target
    ip = ip[:10] + struct.pack(">H", _checksum(ip)) + ip[12:]
    cards = bytes((2, 0, 0, 0, 0, 1)), bytes((2, 0, 0, 0, 0, 2))
    return b"".join(cards[::-1] if client else cards) + b"\x08\x00" + ip + tcp


def _checksum(octets: bytes) -> int:
    """The sum of 16-bit words in ones' complement (RFC 1071)."""
    if len(octets) % 2:
        octets += b"\0"
    total = sum(struct.unpack(f">{len(octets) // 2}H", octets))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
