"""Plain integers that a server counts up; the metrics read them."""

from dataclasses import dataclass, field

from carriers.smpp.counters import SessionCounters


@dataclass(slots=True)
class ServerCounters(SessionCounters):
    """One listener, all sessions together."""

    connections: int = 0  # let in
    turned_away: int = 0  # connections closed at once: too many of them
    handshakes_failed: int = 0  # of TLS
    binds: int = 0
    bind_failures: dict[str, int] = field(default_factory=dict)  # by reason: see ``admission.Refusal``
    requests: int = 0  # taken from bound sessions and handed on
    put_off: int = 0  # requests answered with ESME_RTHROTTLED because the session is being ended
    holds: int = 0  # times reading was stopped because of too much in hand
    delivered: int = 0  # deliveries that were taken
    delivery_retries: int = 0  # that are to be sent again
    delivery_refusals: int = 0  # refused for good
    cuts: int = 0  # bound sessions that ended without an unbind of either side
