"""The facts of a run, as they were seen from outside of the system: at its API, at the carriers, at the webhooks' endpoint.

Times are microseconds of one clock, the observers'. A message is named by its id as the API shows it. Who cannot know to which message a
submit belongs puts a mark in its text.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from router.journal.items import Conservation
from router.model import MessageClass, State
from router.settings import DEFAULT_CLASSES, ClassRules

LATENCIES: Final = frozenset({"otp_idle_us", "otp_loaded_us"})
SAMPLES: Final = 100  # fewer have no 99th percentile


class Accepted(NamedTuple):
    """The API said 202 to a message. A replay of the same request says so again: each answer is a fact."""

    at_us: int
    id: str
    tenant: str
    klass: MessageClass
    key: str = ""  # the request's Idempotency-Key; "": none
    item: int = 0  # its place in the request
    segments: int = 1
    tells: bool = True  # whether a webhook is to be told of its end


class Submit(NamedTuple):
    """The octets of one submit_sm (one segment) came to a carrier."""

    at_us: int
    id: str
    carrier: str
    number: int  # of this submit at this carrier, over all sessions
    segment: int = 1  # from 1


class Answer(NamedTuple):
    """The carrier wrote its answer to a submit. Without one the submit is in doubt."""

    at_us: int
    id: str
    carrier: str
    number: int  # of the submit
    taken: bool  # False: refused, and known to be: another submit of the segment is no second copy


class Receipt(NamedTuple):
    """The carrier sent a final receipt for a segment."""

    at_us: int  # when it was acknowledged; of one that never was, when it was due
    id: str
    carrier: str
    number: int  # of the submit
    delivered: bool
    acked: bool  # whether the system acknowledged it, at the latest when the run ended
    segment: int = 1


class Delivery(NamedTuple):
    """A webhook came to a tenant's endpoint."""

    at_us: int
    id: str
    tenant: str  # whose endpoint
    event: str  # the webhook-id
    state: State  # the end that it tells
    signed: bool  # whether its signature is valid
    taken: bool = True  # whether the endpoint answered 2xx


class Ended(NamedTuple):
    """The API showed a message in a final state."""

    at_us: int
    id: str
    state: State


class Fault(NamedTuple):
    """Something was broken on purpose that leaves submits in doubt: a carrier process killed or stopped, a link cut, a node lost."""

    at_us: int
    kind: str
    carrier: str = ""  # whose submits; "": every carrier's
    doubts: int = 0  # the most it can leave in doubt: the windows in force, for a kill
    until_us: int = 0  # when it was over; 0: it took no time


class HangUp(NamedTuple):
    """A carrier ended a connection of its own accord: what was on its way to it then is in doubt, and it never saw it."""

    at_us: int
    carrier: str


class Seen(NamedTuple):
    """The API told a tenant of a message."""

    at_us: int
    id: str
    tenant: str  # who asked
    where: str


class Memory(NamedTuple):
    """A look at the journal's memory, at what was refused then, and at how much work had been finished."""

    at_us: int
    used: int  # octets
    limit: int
    shed: frozenset[MessageClass] = frozenset()
    finished: int = 0  # messages, since the start
    live: int = 0


class Recovery(NamedTuple):
    """How long something that was broken took to be back."""

    at_us: int
    what: str
    took_us: int | None  # None: it never came back
    bar_us: int


class Pace(NamedTuple):
    """The fastest second of a carrier's wire, where the system's part of it ends."""

    carrier: str
    most: int  # submits that were within one second for certain, however late they were read
    contracted: int  # 0: no limit


class Zombie(NamedTuple):
    """A process that was stopped until its lease was over, and continued."""

    at_us: int  # when it was continued
    actor: str
    submits: int  # that it has written since


class Line(NamedTuple):
    """A line of a log, or of the metrics."""

    source: str
    text: str


class Promise(NamedTuple):
    """What a class's submits in doubt may lead to."""

    again: int | None  # how many further copies; None: as many as attempts allow
    hold_us: int  # not before so long after the submit in doubt
    copies: bool = False  # whether a second copy may also be sent while the first is known to be taken (rescues)

    @classmethod
    def of(cls, rules: ClassRules, *, copies: bool = False) -> "Promise":
        """As the settings say."""
        again = {"resend": None, "resend_once": 1, "never": 0}[rules.on_unknown]
        return cls(again, int(rules.unknown_hold_s * 1e6), copies)


def default_promises() -> dict[MessageClass, Promise]:
    """What the classes promise where the settings say nothing."""
    return {klass: Promise.of(DEFAULT_CLASSES[klass.word]) for klass in MessageClass}


@dataclass(slots=True, kw_only=True)
class History:
    """All that is known of a run. None: this kind of evidence was not gathered, which is not the same as an empty list."""

    accepted: list[Accepted] | None = None
    submits: list[Submit] | None = None
    answers: list[Answer] | None = None
    receipts: list[Receipt] | None = None
    deliveries: list[Delivery] | None = None
    dead: set[str] | None = None  # messages whose webhook ended in the dead letters, which its endpoint asked for
    ended: list[Ended] | None = None
    faults: list[Fault] | None = None
    hang_ups: list[HangUp] | None = None
    seen: list[Seen] | None = None
    conservation: Conservation | None = None  # the journal's checker, after the run had come to rest
    memory: list[Memory] | None = None
    recoveries: list[Recovery] | None = None
    otp_idle_us: Sequence[int] | None = None  # latencies of one-time codes on an idle system
    otp_loaded_us: Sequence[int] | None = None  # and with a backlog of marketing
    lines: Iterable[Line] | None = None  # read once
    numbers: Sequence[str] | None = None  # phone numbers that no line may tell, digits only
    texts: Sequence[str] | None = None  # and texts
    speeds_mps: Mapping[str, int] | None = None  # contracted, by carrier, in segments a second
    paces: list[Pace] | None = None
    zombies: list[Zombie] | None = None
    promises: Mapping[MessageClass, Promise] = field(default_factory=default_promises)
    # How long a carrier has for its answer, by carrier: one that comes later, or never, leaves its submit in doubt. None named: for ever.
    timeouts_us: Mapping[str, int] = field(default_factory=dict)
    # How far an observer's clock may be from another's, plus how long a submit may lie between the decision and the carrier. 0: exact.
    slack_us: int = 0
    # How much the way to a carrier may squeeze submits together that left apart. 0: exact.
    jitter_us: int = 0

    def of(self, message_id: str) -> list[NamedTuple]:
        """All that was seen of a message, in order of time. Searches everything: for the few that something is wrong with."""
        kinds = (self.accepted, self.submits, self.answers, self.receipts, self.deliveries, self.ended, self.seen)
        found = [fact for kind in kinds for fact in kind or () if fact.id == message_id]
        return sorted(found, key=_at_us)

    def missing(self, needs: Iterable[str]) -> Iterator[str]:
        """Which of these kinds of evidence were not gathered, or not enough of it."""
        for name in needs:
            evidence = getattr(self, name)
            if evidence is None:
                yield name
            elif name in LATENCIES and len(evidence) < SAMPLES:
                yield f"{name} ({len(evidence)} are no 99th percentile)"


def _at_us(fact: NamedTuple) -> int:
    return int(fact[0])
