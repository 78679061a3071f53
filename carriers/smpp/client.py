"""Connecting to a carrier: addresses, TLS, the connect timer."""

import asyncio
import ssl
from collections.abc import Callable
from typing import NamedTuple

from carriers.smpp.shell import SessionShell
from router.settings import Tls


class Address(NamedTuple):
    """Where an SMSC listens."""

    host: str
    port: int

    def __str__(self) -> str:
        """As written in a profile."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(text: str) -> Address:
    """``host:port`` or ``[v6]:port``; ``ValueError`` for anything else."""
    host, _, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError(f"address {text!r}: an IPv6 address stands in brackets")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) <= 65_535:
        raise ValueError(f"address {text!r} is not host:port")
    return Address(host, int(port))


def tls_context(tls: Tls) -> ssl.SSLContext:
    """TLS 1.2 and newer; certificate and name are verified unless the profile switches that off by name."""
    context = ssl.create_default_context(cafile=tls.ca_file or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


async def connect(
    address: Address,
    make_shell: Callable[[], SessionShell],
    *,
    timeout_s: float,
    context: ssl.SSLContext | None = None,
    server_name: str = "",
) -> SessionShell:
    """A connected shell, TLS handshake included in ``timeout_s``; ``OSError`` or ``TimeoutError`` when there is none."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(timeout_s):
        _, shell = await loop.create_connection(
            make_shell,
            address.host,
            address.port,
            ssl=context,
            server_hostname=(server_name or address.host) if context is not None else None,
        )
    return shell
