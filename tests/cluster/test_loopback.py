"""Nothing of the system can be reached from outside unless somebody asks for it."""

import ipaddress
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cluster.world import World

pytestmark = pytest.mark.timeout(240)  # the first test of a session starts the system, the last one stops it

LISTEN = "0A"


def address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """/proc/net/tcp writes words in the machine's order, which is little-endian here."""
    octets = bytes.fromhex(text)
    words = b"".join(octets[at : at + 4][::-1] for at in range(0, len(octets), 4))
    return ipaddress.ip_address(words)


def listeners() -> dict[str, tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, int]]:
    """Listening sockets by inode."""
    found = {}
    for table in ("tcp", "tcp6"):
        with suppress(FileNotFoundError):
            for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == LISTEN:
                    host, _, port = fields[1].partition(":")
                    found[fields[9]] = address(host), int(port, 16)
    return found


def inodes(pid: int) -> set[str]:
    found = set()
    with suppress(OSError):
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                target = str(entry.readlink())
                if target.startswith("socket:["):
                    found.add(target[8:-1])
    return found


def test_everything_listens_on_the_loopback_interface_only(world: "World") -> None:
    sockets = listeners()
    pids = world.pids()
    ours = {sockets[inode] for pid in pids for inode in inodes(pid) if inode in sockets}
    api_port = int(world.api.rpartition(":")[2])
    assert (ipaddress.ip_address("127.0.0.1"), api_port) in ours
    assert len(ours) > 5  # Ray's own servers among them, or nothing is proved
    outside = {(str(host), port) for host, port in ours if not getattr(host, "ipv4_mapped", None) and not host.is_loopback}
    outside |= {
        (str(host), port)
        for host, port in ours
        if (mapped := getattr(host, "ipv4_mapped", None)) is not None and not mapped.is_loopback
    }
    assert outside == set()
