"""Plain integers that sessions and links count up; the metrics read them."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class SessionCounters:
    """What peers did wrong or left undone."""

    unsolicited: int = 0  # answers to nothing
    malformed: int = 0  # PDUs whose body cannot be read
    framing_lost: int = 0  # connections closed because no PDU's start was known any more
    unknown: int = 0  # command ids that SMPP 3.4 does not know
    wrong_state: int = 0  # known requests at a moment when they are not allowed
    enquire_timeouts: int = 0
    response_timeouts: int = 0  # requests


@dataclass(slots=True)
class LinkCounters(SessionCounters):
    """One carrier's link, all sessions together."""

    submits: int = 0  # submit_sm written
    answers: int = 0  # submit_sm_resp read, whatever they say
    refusals: int = 0  # of these: with a status other than ROK
    throttled: int = 0  # of these: ESME_RTHROTTLED and ESME_RMSGQFUL
    mended: int = 0  # messages written once more at once, without what the carrier refused
    late: int = 0  # answers after their timer
    late_refusals: int = 0  # of these: with a status other than ROK; nothing follows from them
    receipts: int = 0
    receipts_malformed: int = 0
    receipts_put_off: int = 0  # answered with a temporary error, so that they come again
    mo: int = 0  # messages from handsets and parts of such, whatever became of them
    mo_refused: int = 0  # of these: refused for good
    mo_put_off: int = 0  # of these: answered with a temporary error, so that they come again
    queries: int = 0  # query_sm written
    queries_settled: int = 0  # of these: answered with a final state
    binds: int = 0
    bind_failures: dict[str, int] = field(default_factory=dict)  # by reason: a status, "connect", "timeout", "closed"
    cuts: int = 0  # bound sessions that ended without our wish
