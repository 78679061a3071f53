"""What a load run found out."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from router.model import MessageClass
from sims.invariants import Verdict
from sims.load.histogram import Histogram


def _by_class() -> dict[MessageClass, Histogram]:
    return {klass: Histogram() for klass in MessageClass}


@dataclass(slots=True, kw_only=True)
class LoadResult:
    """Counts are messages unless they say requests.

    Every message sent is in exactly one of: accepted, refused, errors, or under way (only while the run goes on).
    """

    target_mps: float = 0.0  # the rate asked for; 0: none
    elapsed_s: float = 0.0  # first intended send time → last answer
    sent: int = 0  # distinct messages whose request was written at least once
    accepted: int = 0
    refused: Counter[tuple[int, str]] = field(default_factory=Counter)  # (HTTP status, problem code) → messages given up
    errors: Counter[str] = field(default_factory=Counter)  # no usable answer: timeout, connection_lost, … → messages
    unsent: int = 0  # due, but no connection came free before the drain was over
    requests: int = 0  # written, retries included
    retries: int = 0  # requests
    pushed_back: Counter[int] = field(default_factory=Counter)  # 408, 429 and 503 answers, retried or not → requests
    replayed: int = 0  # answers that said Idempotency-Replayed → requests
    accept: dict[MessageClass, Histogram] = field(default_factory=_by_class)  # intended send time → answer
    service: Histogram = field(default_factory=Histogram)  # written → answer, requests: what the coordinated view would say
    lag: Histogram = field(
        default_factory=Histogram
    )  # intended send time → written, requests: waiting for a connection and our own timer
    followed: bool = False
    final: Counter[str] = field(default_factory=Counter)  # final status word → messages
    end_to_end: dict[MessageClass, Histogram] = field(default_factory=_by_class)  # intended send time → seen final
    events: int = 0  # webhooks or receipts received
    bad_signatures: int = 0
    unmatched_events: int = 0  # finals of messages that no answer told of: repeats, or accepted behind a lost connection
    interrupted: bool = False
    verdict: Verdict | None = None  # of the invariants, where they were asked for

    @property
    def refused_total(self) -> int:
        """Messages refused for good."""
        return self.refused.total()

    @property
    def finished(self) -> int:
        """Accepted messages seen final."""
        return self.final.total()

    @property
    def lost(self) -> int:
        """Accepted and not seen final within the time allowed; only means something when followed."""
        return self.accepted - self.finished if self.followed else 0

    @property
    def sent_mps(self) -> float:
        """The rate achieved in sending."""
        return self.sent / self.elapsed_s if self.elapsed_s > 0 else 0.0

    @property
    def accepted_mps(self) -> float:
        """The rate achieved in what counts."""
        return self.accepted / self.elapsed_s if self.elapsed_s > 0 else 0.0

    def accept_all(self) -> Histogram:
        """Accept latency over all classes."""
        return _merged(self.accept)

    def end_to_end_all(self) -> Histogram:
        """End-to-end latency over all classes."""
        return _merged(self.end_to_end)

    def to_dict(self) -> dict[str, Any]:
        """The result as JSON can carry it; latencies in milliseconds."""
        return {
            "target_mps": self.target_mps,
            "elapsed_s": round(self.elapsed_s, 3),
            "sent": self.sent,
            "accepted": self.accepted,
            "refused": [{"status": s, "code": c, "messages": n} for (s, c), n in sorted(self.refused.items())],
            "errors": dict(self.errors),
            "unsent": self.unsent,
            "requests": self.requests,
            "retries": self.retries,
            "pushed_back": {str(status): n for status, n in sorted(self.pushed_back.items())},
            "replayed": self.replayed,
            "sent_mps": round(self.sent_mps, 1),
            "accepted_mps": round(self.accepted_mps, 1),
            "accept_ms": {"all": self.accept_all().summary_ms(), **_summaries(self.accept)},
            "service_ms": self.service.summary_ms(),
            "lag_ms": self.lag.summary_ms(),
            "followed": self.followed,
            "final": dict(self.final),
            "end_to_end_ms": {"all": self.end_to_end_all().summary_ms(), **_summaries(self.end_to_end)},
            "events": self.events,
            "bad_signatures": self.bad_signatures,
            "unmatched_events": self.unmatched_events,
            "lost": self.lost,
            "interrupted": self.interrupted,
            "invariants": None if self.verdict is None else self.verdict.to_dict(),
        }


def _merged(by_class: dict[MessageClass, Histogram]) -> Histogram:
    total = Histogram()
    for histogram in by_class.values():
        total.merge(histogram)
    return total


def _summaries(by_class: dict[MessageClass, Histogram]) -> dict[str, dict[str, float]]:
    return {klass.word: histogram.summary_ms() for klass, histogram in by_class.items() if histogram.count}
