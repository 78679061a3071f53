"""Listening sockets that outlive the process that opened them: a front that leaves gives its own to another, and one that starts asks for its own.

A connection that the kernel has made and nobody has accepted yet is reset when its listening socket is closed, whoever else listens on
that port (Linux moves it only with net.ipv4.tcp_migrate_req, which is off). A socket given away (SCM_RIGHTS, unix(7)) is not closed: nobody
sees that the process behind it is another. Fronts of one machine find each other by abstract Unix addresses, and believe nobody but their
own user (SO_PEERCRED). On another machine, or alone, a front opens a socket of its own.
"""

import asyncio
import contextlib
import logging
import os
import socket
import struct
from collections.abc import Awaitable, Callable, Iterable
from hashlib import blake2b
from typing import Final

log = logging.getLogger("trunkline.handover")

KEEP: Final = b"keep "  # with a socket: have it from now on; answered with YES once it is served
GIVE: Final = b"give "  # answered with YES and the socket
YES: Final = b"1"
NO: Final = b"0"
TALK_S: Final = 2.0  # one exchange; a front that does not answer is no heir
MOST_OCTETS: Final = 256
BACKLOG: Final = 16


def _address(family: str, name: str) -> str:
    return f"\0trunkline-{blake2b(family.encode(), digest_size=12).hexdigest()}-{name}"


def _is_ours(peer: socket.socket) -> bool:
    credentials = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _pid, uid, _gid = struct.unpack("3i", credentials)
    return uid == os.getuid()


def _dial(address: str) -> socket.socket:
    peer = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        peer.settimeout(TALK_S)
        peer.connect(address)
        if not _is_ours(peer):
            raise PermissionError("the address is another user's")
    except OSError:
        peer.close()
        raise
    return peer


def _received(peer: socket.socket) -> tuple[bytes, socket.socket | None]:
    told, descriptors, _flags, _from = socket.recv_fds(peer, MOST_OCTETS, 1)
    return told, socket.socket(fileno=descriptors[0]) if descriptors else None


def _ask(address: str, name: str) -> socket.socket | None:
    with _dial(address) as peer:
        peer.sendall(GIVE + name.encode())
        return _received(peer)[1]


def _offer(address: str, name: str, listener: socket.socket) -> bool:
    with _dial(address) as peer:
        socket.send_fds(peer, [KEEP + name.encode()], [listener.fileno()])
        return _received(peer)[0] == YES


async def ask(family: str, name: str, others: Iterable[str]) -> socket.socket | None:
    """The listening socket of this name, from whichever of the others keeps it; None where nobody does."""
    for other in others:
        with contextlib.suppress(OSError):
            if (found := await asyncio.to_thread(_ask, _address(family, other), name)) is not None:
                log.info("handover.taken name=%s from=%s", name, other)
                return found
    return None


async def offer(family: str, name: str, listener: socket.socket, others: Iterable[str]) -> str:
    """Give a listening socket to the first of the others that takes it: who that was, "" for nobody."""
    for other in others:
        with contextlib.suppress(OSError):
            if await asyncio.to_thread(_offer, _address(family, other), name, listener):
                log.info("handover.given name=%s to=%s", name, other)
                return other
    return ""


class Desk:
    """Where others bring their sockets, and fetch them. Owns nothing but its address.

    ``keep`` is given a name and a socket to serve, and says whether it does; ``give`` a name, and says which socket is to go, or None.
    """

    def __init__(
        self,
        family: str,
        name: str,
        keep: Callable[[str, socket.socket], Awaitable[bool]],
        give: Callable[[str], Awaitable[socket.socket | None]],
    ) -> None:
        self._keep = keep
        self._give = give
        self._address = _address(family, name)
        self._door: socket.socket | None = None
        self._answering: set[asyncio.Task[None]] = set()

    def open(self) -> None:
        """Be found, and answer; raises ``OSError`` where the name is in use."""
        door = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            door.bind(self._address)
            door.listen(BACKLOG)
            door.setblocking(False)
        except OSError:
            door.close()
            raise
        self._door = door
        asyncio.get_running_loop().add_reader(door.fileno(), self._somebody_comes, door)

    def close(self) -> None:
        """Be found no more. Whoever is being answered still is."""
        if self._door is not None:
            asyncio.get_running_loop().remove_reader(self._door.fileno())
            self._door.close()
            self._door = None

    def _somebody_comes(self, door: socket.socket) -> None:
        try:
            peer, _ = door.accept()
        except OSError:
            return  # gone again
        task = asyncio.get_running_loop().create_task(self._attend(peer))
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)

    async def _attend(self, peer: socket.socket) -> None:
        with peer:
            try:
                await self._answer(peer)
            except OSError as error:
                log.warning("handover.broken error=%s", type(error).__name__)

    async def _answer(self, peer: socket.socket) -> None:
        if not _is_ours(peer):
            return
        peer.settimeout(TALK_S)
        told, listener = await asyncio.to_thread(_received, peer)
        name = told[len(KEEP) :].decode("ascii", "replace")
        if told.startswith(KEEP) and listener is not None:
            kept = await self._keep(name, listener)
            if not kept:
                listener.close()
            peer.sendall(YES if kept else NO)
        elif told.startswith(GIVE) and (own := await self._give(name)) is not None:
            with own:
                socket.send_fds(peer, [YES], [own.fileno()])
        else:
            peer.sendall(NO)
