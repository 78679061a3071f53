"""The bookkeeping of one message at a carrier: its segments, their answers, and the verdict they add up to."""

from typing import Any, NamedTuple

from carriers.port import Answer, Outgoing, Verdict
from router.model import Again, ErrorName, Fault


class Refusal(NamedTuple):
    """Why a segment was refused, or why it was given up."""

    status: int
    error: ErrorName
    fault: Fault
    again: Again
    reason: str


class Job:
    """A message on its way through a link. Its segments are written in order, on one session as long as that lasts."""

    __slots__ = (
        "accepted",
        "done",
        "first_s",
        "ids",
        "last_s",
        "left",
        "next",
        "outgoing",
        "parts",
        "patience_s",
        "queued",
        "refusal",
        "repeat",
        "seat",
        "throttled",
        "unanswered",
        "unknown",
        "wall_s",
        "why",
    )

    def __init__(self, outgoing: Outgoing, patience_s: float) -> None:
        """``patience_s``: until when it may wait here."""
        self.outgoing = outgoing
        self.patience_s = patience_s
        self.parts: tuple[bytes, ...] = ()  # packed when the first of them is written
        self.left = outgoing.body.segments  # segments that wait here, ``repeat`` included; an estimate until they are packed
        self.next = 0  # the first segment never written
        self.repeat: list[int] = []  # segments that came back throttled, in order
        self.unanswered = 0
        self.unknown = 0  # segments whose answer never came
        self.accepted = 0
        self.ids: list[str | None] = []  # one a segment, None until it is accepted
        self.seat: Any = None  # the session that took the first segment
        self.first_s = self.last_s = self.wall_s = 0.0
        self.refusal: Refusal | None = None
        self.throttled: Refusal | None = None  # the complaint it waits for; counts when patience ends
        self.why = ""  # of an UNKNOWN
        self.queued = False  # stands in the link's line
        self.done = False  # its verdict has been told

    @property
    def touched(self) -> bool:
        """Whether a segment is, or may be, with the carrier."""
        return self.unanswered > 0 or self.unknown > 0 or self.accepted > 0

    @property
    def waits(self) -> bool:
        """Whether a segment is still to be written."""
        return self.left > 0 and not self.done and self.refusal is None and not self.unknown

    def verdict(self) -> Answer | None:
        """What it has come to; None while an answer is due or a segment is to be written."""
        if self.unanswered or self.done:
            return None
        if self.refusal is not None:
            return self.refused(self.refusal)
        if self.unknown:
            return self.answer(Verdict.UNKNOWN, reason=self.why)
        if self.left:
            return None
        return self.answer(Verdict.ACCEPTED, carrier_ids=self._ids())

    def late_verdict(self) -> Answer | None:
        """LATE, once all segments of a message told UNKNOWN have been accepted after all."""
        if self.left or None in self.ids or not self.ids:
            return None
        return self.answer(Verdict.LATE, carrier_ids=self._ids())

    def given_up(self, reason: str) -> Answer | None:
        """The end of waiting inside the link: RETURNED when nothing is with the carrier; None while an answer is due."""
        if self.unanswered:
            self.refusal = self.throttled
            if self.refusal is None:
                self.unknown += 1  # parts of it are there, the rest never will be
                self.why = reason
            return None
        if not self.touched:
            return self.answer(Verdict.RETURNED, reason=reason)
        if self.throttled is not None:
            return self.refused(self.throttled)
        return self.answer(Verdict.UNKNOWN, reason=f"{reason} after {self.accepted} of {len(self.parts)} segments")

    def refused(self, refusal: Refusal) -> Answer:
        """REFUSED, with what the status means."""
        status, error, fault, again, reason = refusal
        return self.answer(Verdict.REFUSED, status=status, error=error, fault=fault, again=again, reason=reason)

    def answer(self, verdict: Verdict, **details: Any) -> Answer:
        """An ``Answer`` about this message."""
        latency_us = int((self.last_s - self.first_s) * 1e6) if self.last_s > self.first_s > 0 else 0
        return Answer(self.outgoing.id, verdict, latency_us=latency_us, written_at_s=self.wall_s, **details)

    def _ids(self) -> tuple[str, ...]:
        return tuple(carrier_id or "" for carrier_id in self.ids)
