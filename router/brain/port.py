"""What the rest of the system knows of the brain: observations in, a board out, plans from a board.

``observe(state, batch, now)``, ``tick(state, now)``, ``board(state, now)`` and ``plan(batch, board, room, now, rng)`` are pure. Times
are seconds as floats (any epoch, one clock per caller); money is integer micros.
"""

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Any, Final, NamedTuple

from msgspec import Struct

from router.brain.cells import Cells
from router.model import MessageClass
from router.rules import FREE, Ruling


class Outcome(IntEnum):
    """What was seen of an attempt."""

    SUBMITTED = 1  # the carrier took it; the clock of its receipt started ``age_s`` before, when it was written
    DELIVERED = 2  # a positive receipt, ``age_s`` after the submit
    UNDELIVERED = 3  # a negative receipt, ``age_s`` after the submit
    REFUSED = 4  # a submit error that is the carrier's fault (not throttling, not a bad number)
    UNANSWERED = 5  # no answer to the submit
    LINK_DOWN = 6  # a session fell or could not be bound (network and class mean nothing)
    LINK_UP = 7  # the carrier is bound again
    REFUSED_OTHER = 8  # a submit error that says nothing about the carrier: it answered, and is alive
    CONVERTED = 9  # the tenant tells that the code was used, ``age_s`` after the submit
    NOT_CONVERTED = 10  # the tenant tells that it was not, ``age_s`` after the submit


class Observation(NamedTuple):
    """One thing seen. ``first`` is false for second attempts, which do not train the ledger (selection bias)."""

    at_s: float
    carrier: str
    network: str  # as in Body.network
    klass: MessageClass
    outcome: Outcome
    age_s: float = 0.0
    first: bool = True
    tenant: str = ""  # whose it is, of otp messages: those of tenants that tell of conversions are held against them
    after_s: float = -1.0  # of conversions: seconds since the positive receipt; negative: there is none (yet)


class CarrierView(Struct, frozen=True, array_like=True):
    """One carrier on the board."""

    name: str
    breaker: str  # closed, open, half_open
    breaker_until_s: float
    reason: str  # why it is open: the sentence an operator reads
    suspect: bool
    submitted: int  # observed since the brain knows it
    delivered: int
    undelivered: int
    pending: float
    trust: float = 1.0  # what its receipts are worth, by conversions; the least over its countries
    unheard: str = ""  # where its receipts are lost and conversions speak for it: "*" everywhere, else MCC or network


class Board(Struct, frozen=True):
    """A scoreboard. A cell that is absent falls back to the carrier's country ("carrier|MCC|class"), then to the world ("carrier|*|class")."""

    version: int
    at_s: float
    carriers: dict[str, CarrierView]
    cells: Cells  # "carrier|network|class"
    counters: dict[str, int] = {}
    probes: dict[str, float] = {}  # "carrier|network, MCC or *", perhaps "|class": seconds between probes that it needs there
    note: str = ""  # of a substitute while the brain is silent: what plans made from it say, which explore nothing
    curves: bytes = b""  # by pair of ``cells`` what is to come of pending messages (``remains``); only with rescue
    reporters: tuple[
        str, ...
    ] = ()  # tenants that tell of conversions, while a carrier's receipts are in doubt: only their codes can clear it
    parts: dict[str, float] = {}  # where several brains learn: when what each of them knows was told last, by its name


class Want(NamedTuple):
    """A message to be planned, reduced to what the decision needs."""

    network: str
    country: str
    number: str  # E.164 digits, for price and coverage by prefix
    klass: MessageClass
    segments: int
    tried: tuple[str, ...] = ()  # carriers that refused it or lost it, newest last
    policy: str = ""
    ruling: Ruling = FREE  # what the rules before the brain say: carriers barred, their order, weights and the highest price
    tenant: str = ""  # as in Observation


class Choice(NamedTuple):
    """Where a message goes and the row of ``Plan.decisions`` that says why. carrier "": nowhere now."""

    carrier: str
    row: int
    explored: bool
    hopeless: bool = False  # no carrier covers it, or all have been tried: waiting does not help
    resting: bool = False  # carrier "", by choice: another would take it, and a moment's wait for a better one costs less
    why: str = ""  # of explored ones: what is to be learned, a word of ``router.brain.explore``


class Waits(NamedTuple):
    """What a caller knows who can keep messages for the next turn. Without it nobody waits while any carrier has room."""

    speed: Mapping[str, float]  # segments a second that each lane frees for this batch; absent: not known
    waited_s: Sequence[float]  # by message of the batch: how long it has waited for room, the longest first
    most: int  # segments that may wait by choice


ROOM: Final = "room"  # cause of regret: the best carrier had no room


class Plan(NamedTuple):
    """The assignment of a batch, with the reasons.

    ``decisions`` are rows that msgpack can pack, shared by like messages:
    {"board": version, "network", "class", "considered": [[carrier, price_micros, p, wait_s, shadow_micros, cost_micros, sd of p], …
    best first], "excluded": {carrier: reason}, "policy": word, "rule": names, where rules fit, "note": a sentence, where there is one,
    "beside": entries as of considered, of carriers that some messages were sent to all the same, where there are any}
    """

    choices: Sequence[Choice]
    decisions: Sequence[Mapping[str, Any]]
    shadow: Mapping[str, float] = {}  # micros that one more segment of room on a carrier would save; absent: nothing
    regret: Mapping[
        str, float
    ] = {}  # micros expected to be lost against each one's best carrier, by cause: ``Choice.why``, or ROOM
