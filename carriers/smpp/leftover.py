"""What the kernel holds for a socket that nobody reads from for a while."""

import asyncio
import fcntl
import os
import struct
import termios
from typing import Final

CHUNK_OCTETS: Final = 262_144
NO_SOCKET: Final = -1


def plain_socket(transport: asyncio.BaseTransport) -> int:
    """The descriptor of a connection without TLS; ``NO_SOCKET`` where octets on the wire are not those of the protocol."""
    sock = transport.get_extra_info("socket")
    return NO_SOCKET if sock is None or transport.get_extra_info("ssl_object") is not None else int(sock.fileno())


def read_leftover(descriptor: int) -> tuple[bytes, bool]:
    """All octets that have come, without waiting for any; and whether more may come. Raises ``OSError``: the connection is broken.

    Octets that came before a peer's reset are there still, on Linux, until the descriptor is closed.
    """
    chunks: list[bytes] = []
    try:
        while True:
            chunk = os.read(descriptor, CHUNK_OCTETS)
            chunks.append(chunk)
            if len(chunk) < CHUNK_OCTETS:
                return b"".join(chunks), bool(chunk)
    except BlockingIOError:
        return b"".join(chunks), True
    except OSError:
        if chunks:
            return b"".join(chunks), True  # the next read tells
        raise


def any_leftover(descriptor: int) -> bool:
    """Whether octets have come. Raises ``OSError``."""
    (octets,) = struct.unpack("i", fcntl.ioctl(descriptor, termios.FIONREAD, bytes(4)))
    return bool(octets)
