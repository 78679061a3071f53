"""What a session tells: the events of ``carriers.smpp.session``. Batched: one event for all answers or requests of a read."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from carriers.smpp.messages import Data, Message
from carriers.smpp.multi import SubmitMulti
from carriers.smpp.operations import Alert, Bind, Cancel, Query, Replace

RequestBody = Message | SubmitMulti | Data | Query | Cancel | Replace | Alert | bytes


class Answer(NamedTuple):
    """The answer to one of our requests."""

    context: Any  # what was given to ``request``
    command: int  # of the request
    status: int
    message_id: str  # of submit_sm_resp, deliver_sm_resp and data_sm_resp; "" elsewhere and when there is none
    sent_at_s: float
    late: bool  # came after its response timer was over: it has been in a ``Overdue`` before
    nack: bool  # it was a generic_nack
    raw: bytes  # the whole PDU, for bodies that only some callers read (query_sm_resp, TLVs)


class Unanswered(NamedTuple):
    """A request of ours that has no answer."""

    context: Any
    command: int
    sent_at_s: float


class Request(NamedTuple):
    """A request of the peer; answer it with ``respond`` (alert_notification has no answer)."""

    command: int
    sequence: int
    body: RequestBody  # parsed; the raw body of commands that have no parser here


class Answered(NamedTuple):
    """Answers of one read, in the order of arrival."""

    answers: list[Answer]


class Asked(NamedTuple):
    """Requests of one read, in the order of arrival."""

    requests: list[Request]


class Overdue(NamedTuple):
    """Requests whose response timer is over. Their late answers still come, for five minutes."""

    requests: list[Unanswered]


class BindAsked(NamedTuple):
    """The peer wants to bind; answer with ``answer_bind``."""

    command: int
    sequence: int
    bind: Bind


class Bound(NamedTuple):
    """Our bind was accepted."""

    system_id: str  # the SMSC's name of itself
    tlvs: Mapping[int, bytes]


class BindRefused(NamedTuple):
    """Our bind was refused; the session is open again, and the shell will want to close it."""

    status: int
    nack: bool


class Malformed(NamedTuple):
    """A PDU of the peer had a body that cannot be read; it has been answered."""

    command: int
    sequence: int
    reason: str
    answered: int  # the status given


class Unbinding(NamedTuple):
    """The peer has unbound and has been answered: send nothing more; the session closes after a short grace."""


class Closed(NamedTuple):
    """The end: write ``bytes_to_send`` and close the connection. Nothing comes after it."""

    reason: str
    unanswered: list[Unanswered]  # neither answered nor overdue


Event = Answered | Asked | Overdue | BindAsked | Bound | BindRefused | Malformed | Unbinding | Closed
