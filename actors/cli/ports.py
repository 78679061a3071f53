"""Ports of the loopback interface that nobody uses."""

import random
import socket
from typing import Final

FREE_PORTS: Final = range(20_000, 30_000)


def free_port() -> int:
    """A port of the loopback interface that nobody uses now, below those that the kernel hands out by itself.

    Ray's workers listen on the latter: a port of theirs that is free now may be taken before the front binds it.
    """
    for port in random.sample(FREE_PORTS, len(FREE_PORTS)):
        if is_free(port):
            return port
    raise OSError("no free port")


def is_free(port: int) -> bool:
    """Whether nobody listens on this port of the loopback interface."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
