"""Where an SMSC listens, whom it lets in, and its bounds."""

from dataclasses import dataclass, field
from typing import Final

RECEIPTS_KEPT: Final = 1_000_000  # per system_id, while no receiver is bound; some 300 octets each
FINALS_KEPT: Final = 50_000  # ends that query_sm can tell at least; twice as many at most


@dataclass(frozen=True, slots=True, kw_only=True)
class SmscOptions:
    """What stays the same while an SMSC runs; its temperament is apart."""

    host: str = "127.0.0.1"
    port: int = 0  # 0: any free one
    accounts: dict[str, str] = field(default_factory=dict)  # system_id → password; empty: everybody may bind
    name: str = "TRUNKLINE"  # system_id in bind responses
    tick_s: float = 0.001  # what is due is done at least so far apart: answers and receipts go out together that late at most
    seed: int = 1
    first_id: int = 0  # number of the first message id; 0: from the time of the start, so that ids of two runs differ
    receipt_window: int = 100  # unanswered deliver_sm on a connection
    receipt_answer_s: float = 30.0  # then it is sent again
    receipt_repeat_s: float = 5.0  # pause before a receipt answered with a temporary error is sent again
    receipts_kept: int = RECEIPTS_KEPT
    enquire_link_s: float = 30.0  # 0: never
    keep: int = 1_000  # recent messages shown
    track: bool = False  # recognise copies
    diary: str = ""  # file in which everything is kept that comes and goes; "": none
    tls_certificate: str = ""  # files; TLS from the first octet
    tls_key: str = ""
