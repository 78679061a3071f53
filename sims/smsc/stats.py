"""What an SMSC counts."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from sims.smsc.seconds import SlidingMaximum


@dataclass(slots=True, kw_only=True)
class SmscStats:
    """Plain counters since the start; ``to_dict`` is what ``GET /stats`` shows."""

    submits: int = 0  # submit_sm and data_sm that came, whatever became of them
    answers: Counter[int] = field(default_factory=Counter)  # command_status → answers written
    accepted: int = 0  # submits taken, whether the answer has left yet or not
    unanswered: int = 0  # submits never answered: on purpose, or because the connection ended first
    throttled: int = 0  # refused for the rate or the window
    queue_full: int = 0
    per_second: SlidingMaximum = field(default_factory=SlidingMaximum)  # submits that came
    taken_per_second: SlidingMaximum = field(default_factory=SlidingMaximum)  # submits answered, or to be, with ROK
    binds: Counter[str] = field(default_factory=Counter)  # transmitter, receiver, transceiver → accepted ones
    binds_refused: Counter[int] = field(default_factory=Counter)  # command_status
    connections: int = 0
    dropped: int = 0  # connections cut on purpose
    finals: Counter[str] = field(default_factory=Counter)  # what truly became of messages: delivered, or the receipt's word
    receipts: Counter[str] = field(default_factory=Counter)  # stat → receipts due, intermediate and double ones included
    receipts_sent: int = 0  # deliver_sm written, repetitions included
    receipts_acked: int = 0
    receipts_refused: Counter[int] = field(default_factory=Counter)  # command_status of negative answers
    receipts_repeated: int = 0  # due again: answered with a temporary error, not in time, or not before the connection ended
    receipts_withheld: int = 0  # lost on purpose
    receipts_overflowed: int = 0  # thrown away because too many waited for a receiver; messages from handsets, too
    mo: int = 0  # messages from handsets that were to be delivered
    mo_sent: int = 0  # deliver_sm of such written, one a part, repetitions included
    mo_acked: int = 0
    mo_refused: Counter[int] = field(default_factory=Counter)  # command_status of negative answers
    mo_repeated: int = 0  # due again, as with receipts
    malformed: int = 0
    framing_lost: int = 0

    def to_dict(self) -> dict[str, Any]:
        """JSON's view; statuses in hexadecimal."""
        return {
            "submits": self.submits,
            "answers": _by_status(self.answers),
            "accepted": self.accepted,
            "unanswered": self.unanswered,
            "throttled": self.throttled,
            "queue_full": self.queue_full,
            "max_submits_in_a_second": self.per_second.maximum,
            "max_accepted_in_a_second": self.taken_per_second.maximum,
            "binds": dict(self.binds),
            "binds_refused": _by_status(self.binds_refused),
            "connections": self.connections,
            "dropped": self.dropped,
            "finals": dict(self.finals),
            "receipts": dict(self.receipts),
            "receipts_sent": self.receipts_sent,
            "receipts_acked": self.receipts_acked,
            "receipts_refused": _by_status(self.receipts_refused),
            "receipts_repeated": self.receipts_repeated,
            "receipts_withheld": self.receipts_withheld,
            "receipts_overflowed": self.receipts_overflowed,
            "mo": self.mo,
            "mo_sent": self.mo_sent,
            "mo_acked": self.mo_acked,
            "mo_refused": _by_status(self.mo_refused),
            "mo_repeated": self.mo_repeated,
            "malformed": self.malformed,
            "framing_lost": self.framing_lost,
        }


def _by_status(counter: Counter[int]) -> dict[str, int]:
    return {f"0x{status:02X}": times for status, times in sorted(counter.items())}
