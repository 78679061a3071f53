"""What the SMPP server and those behind it agree on: lines, what is asked on them, what becomes of deliveries.

All calls come from the event loop's thread. Nothing here knows what a message means: bodies are parsed PDUs on the way in and
packed ones on the way out.
"""

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

from carriers.smpp.events import Request
from router.settings import SmppAccount


class Line(Protocol):
    """One bound session of a customer."""

    @property
    def account(self) -> SmppAccount:
        """As it is configured now: a new one after ``retune``."""

    @property
    def peer(self) -> str:
        """The address it came from, without the port; an IPv4 address in IPv6 clothes is undressed."""

    @property
    def version(self) -> int:
        """The interface_version it is served by: 0x34 at most. Below 0x34 it gets no optional parameters (SMPP 3.4, 3.3)."""

    def answer(self, request: Request, status: int = 0, body: bytes | None = None) -> None:
        """Answer what ``asked`` told, once, at any time; written with the next ``flush``. After the session's end: nothing.

        Without a body: the least that there must be, see ``sending.bare_body``.
        """

    def flush(self) -> None:
        """Write what has been answered since the last call, in one go."""


class Verdict(StrEnum):
    """What became of a delivery."""

    TAKEN = "taken"
    RETRY = "retry"  # a temporary status, no answer in time, the session ended, or there was no room: send it again
    REFUSED = "refused"  # a status that will not change


class Delivery(NamedTuple):
    """One message or receipt for a customer."""

    token: Any  # comes back with the outcome
    compose: Callable[[int], tuple[bytes, ...]]  # version of the session → deliver_sm bodies in order, at least one


class Outcome(NamedTuple):
    """The end of one delivery."""

    token: Any
    verdict: Verdict
    status: int = 0  # of the answer that decided; 0 when it was taken, or when none came


class Customers(Protocol):
    """Who stands behind the server."""

    async def verify(self, system_id: str, password: str) -> SmppAccount | None:
        """Whose bind this is; None for an unknown id and for a wrong password alike, after the same time."""

    def asked(self, line: Line, requests: list[Request]) -> None:
        """submit_sm, submit_multi, data_sm, query_sm, cancel_sm and replace_sm of one read; each is to be answered, later.

        ``line.answer`` inside this call needs no ``flush``.
        """

    def settled(self, system_id: str, outcomes: list[Outcome]) -> None:
        """What became of deliveries; each is told once. It may come before ``deliver`` returns."""

    def room(self, system_id: str) -> None:
        """The account takes deliveries now: a receiving session was bound, or there is room again after there was none."""


class SessionView(NamedTuple):
    """One connection, for the status."""

    system_id: str  # "" before the bind
    mode: str  # "transmitter", "receiver", "transceiver"; "" before the bind
    peer: str
    tls: bool
    version: int
    since_s: float  # when it was bound, or connected: of the clock handed in
    unanswered: int  # deliver_sm written and not answered
    in_hand: int  # requests taken and not answered


class Server(Protocol):
    """What ``SmppListener`` offers those behind it."""

    def room(self, system_id: str) -> int:
        """How many deliver_sm may be written now, over all receiving sessions of the account."""

    def deliver(self, system_id: str, batch: Sequence[Delivery]) -> None:
        """Spread over the receiving sessions, the parts of one delivery on one; what finds no room is RETRY at once."""
