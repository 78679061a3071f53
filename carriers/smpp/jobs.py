"""The bookkeeping of one message at a carrier: its segments, their answers, and the verdict they add up to."""

from bisect import insort
from typing import NamedTuple

from carriers.port import Answer, Outgoing, Verdict
from carriers.smpp.compose import Entire, Habit
from carriers.smpp.seat import Seat
from router.model import Again, ErrorName, Fault


class Refusal(NamedTuple):
    """Why a segment was refused."""

    status: int
    error: ErrorName
    fault: Fault
    again: Again
    reason: str
    times: int = 0  # how often SAME is said of one message


class Job:
    """A message on its way through a link. Its segments are written in order, on one session as long as that lasts."""

    __slots__ = (
        "accepted",
        "done",
        "ending",
        "first_s",
        "habit",
        "ids",
        "last_s",
        "left",
        "mended",
        "next",
        "number",
        "outgoing",
        "parked",
        "parts",
        "patience_s",
        "queued",
        "reference",
        "refusal",
        "repeat",
        "reported",
        "seat",
        "throttled",
        "unanswered",
        "unknown",
        "wall_s",
        "weight",
        "why",
    )

    def __init__(self, outgoing: Outgoing, number: int, patience_s: float) -> None:
        """``number``: its age among all messages of the link; ``patience_s``: until when it may wait here."""
        self.outgoing = outgoing
        self.number = number
        self.patience_s = patience_s
        self.parts: tuple[bytes, ...] = ()  # packed just before the first of them is written
        self.reference = 0  # of its parts, should they be packed again
        self.habit: Habit | None = None  # what they are packed with, where that is not the profile's habit any more
        self.mended: Habit | None = None  # what ``refusal`` is answered with once no answer is due
        self.left = outgoing.body.segments  # segments that wait here, ``repeat`` included; an estimate until they are packed
        self.weight = 1  # segments that one submit is for the carrier, which cuts a message_payload by itself
        self.next = 0  # the first segment never written
        self.repeat: list[int] = []  # segments that came back throttled, in order
        self.unanswered = 0
        self.unknown = 0  # segments whose answer never came
        self.accepted = 0
        self.ids: list[str | None] = []  # one a segment, None until it is accepted
        self.seat: Seat | None = None  # the session that took the first segment
        self.first_s = self.last_s = self.wall_s = 0.0
        self.refusal: Refusal | None = None
        self.throttled: Refusal | None = None  # the complaint that it waits out
        self.ending = ""  # why it waits no longer
        self.why = ""  # of an UNKNOWN
        self.queued = False  # stands among the begun ones
        self.parked = False  # waits for its recipient's queue, and is not among what can be written
        self.done = False  # its verdict has been told
        self.reported = False  # it was told UNKNOWN, and the carrier has said since that a segment will not arrive

    @property
    def over(self) -> bool:
        """Whether nothing more of it will be written."""
        return self.done or self.unknown > 0 or bool(self.ending) or self.refusal is not None

    def begin(self, parts: tuple[bytes, ...]) -> None:
        """Its segments are packed."""
        self.parts = parts
        self.left = len(parts)
        self.weight = self.outgoing.body.segments if isinstance(parts, Entire) else 1
        self.ids = [None] * len(parts)

    def begin_again(self, parts: tuple[bytes, ...]) -> None:
        """What no answer has accepted is packed anew."""
        if self.accepted:
            self.parts = parts
        else:
            self.begin(parts)
        self.refusal = None
        self.repeat = [index for index, carrier_id in enumerate(self.ids) if carrier_id is None]
        self.left = len(self.repeat)
        self.next = len(parts)

    def next_segment(self) -> int:
        """The segment to write next."""
        if self.repeat:
            return self.repeat.pop(0)
        self.next += 1
        return self.next - 1

    def give_back_segment(self, index: int) -> None:
        """A written segment is to be written again."""
        insort(self.repeat, index)
        self.left += 1

    def verdict(self) -> Answer | None:
        """What it has come to; None while an answer is due, a segment is to be written, or the verdict has been told."""
        if self.unanswered or self.done:
            return None
        if self.accepted == len(self.parts) > 0 and not (self.unknown or self.left or self.ending or self.refusal is not None):
            return self._answer(Verdict.ACCEPTED, self._ids())  # nearly all
        if self.refusal is not None:
            return self._refused(self.refusal)
        if self.unknown:
            return self._answer(Verdict.UNKNOWN, reason=self.why)
        if self.ending:
            if not self.accepted:
                return self._answer(Verdict.RETURNED, reason=self.ending)
            if self.throttled is not None:
                return self._refused(self.throttled)
            reason = f"{self.ending} after {self.accepted} of {len(self.parts)} segments"
            return self._answer(Verdict.UNKNOWN, reason=reason)
        if self.left:
            return None
        return self._answer(Verdict.UNKNOWN, reason=self.why)  # a lost segment has been answered late, others were never written

    def late_verdict(self) -> Answer | None:
        """LATE, once all segments of a message told UNKNOWN have been accepted after all."""
        if self.accepted < len(self.parts) or self.refusal is not None:
            return None
        return self.known_verdict()

    def known_verdict(self) -> Answer:
        """LATE with the ids there are, so that what the carrier says of one segment finds its message."""
        return self._answer(Verdict.LATE, self._ids())

    def _refused(self, refusal: Refusal) -> Answer:
        status, error, fault, again, reason, _ = refusal
        return self._answer(Verdict.REFUSED, status=status, error=error, fault=fault, again=again, reason=reason)

    def _answer(
        self,
        verdict: Verdict,
        carrier_ids: tuple[str, ...] = (),
        *,
        status: int = 0,
        error: ErrorName | None = None,
        fault: Fault | None = None,
        again: Again | None = None,
        reason: str = "",
    ) -> Answer:
        latency_us = int((self.last_s - self.first_s) * 1e6) if self.last_s > self.first_s > 0 else 0
        return Answer(self.outgoing.id, verdict, carrier_ids, status, error, fault, again, reason, latency_us, self.wall_s)

    def _ids(self) -> tuple[str, ...]:
        """One a segment. What a carrier cuts by itself, or needs fewer segments for, fills up with empty ones."""
        missing = self.outgoing.body.segments - len(self.ids)
        if missing == 0 and len(self.ids) == 1:
            return (self.ids[0] or "",)
        return tuple(carrier_id or "" for carrier_id in self.ids) + ("",) * missing
