"""Every metric of Trunkline, declared once: what the code may count, what /metrics shows and what the README's table says.

Names follow the Prometheus conventions (base units, ``_total`` for counters, added to the names below by the exposition).
No metric carries a phone number, and none on the way of a message carries a tenant: series would grow with customers × carriers.
"""

from collections.abc import Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple


class Kind(StrEnum):
    """What sort of metric it is."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Across(StrEnum):
    """How the values of several processes with the same labels become one. Counters and histograms always add up."""

    SUM = "sum"  # each process tells its part
    MAX = "max"  # each process tells its view of one thing; the worst or newest is what matters
    LAST = "last"  # each process tells its view of one thing; the one told last holds


class Metric(NamedTuple):
    """One metric. ``buckets`` are upper bounds in the metric's unit, ascending, without +Inf."""

    name: str  # without the ``_total`` of counters
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    across: Across = Across.SUM


# From the fastest answer of a local SMSC to the deadline of marketing; 15, 60 and 600 s are the default deadlines of the
# classes, so that "delivered in time" can be read off exactly.
LATENCY_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30, 60, 120, 300, 600)
# Work inside one process or one call to the journal: from 100 µs to the time-outs.
CALL_S: Final = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
BATCH: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)

_C, _G, _H = Kind.COUNTER, Kind.GAUGE, Kind.HISTOGRAM

# fmt: off  (a table reads best as a table)
TABLE: Final[tuple[Metric, ...]] = (
    # -- intake
    Metric("trunkline_accepted", _C, "Messages accepted: durable and acknowledged.", ("class",)),
    Metric(
        "trunkline_refused", _C, "Messages refused at intake, by reason (invalid, rate, spend, shedding, …).", ("class", "reason")
    ),
    Metric("trunkline_canceled", _C, "Messages taken back by their sender.", ()),
    Metric("trunkline_http_requests", _C, "Requests answered by the fronts, by route and status code.", ("route", "status")),
    Metric("trunkline_http_request_duration_seconds", _H, "From a request's last octet to its answer.", ("route",), CALL_S),
    Metric("trunkline_http_connections_cut", _C, "Connections closed because the head of a request was not whole in time."),
    Metric("trunkline_intake_waiting", _G, "Messages that wait in intake buffers to become durable.", ()),
    # -- queues and dispatching
    Metric("trunkline_queue_depth", _G, "Messages waiting in the class queues.", ("class",), (), Across.LAST),
    Metric("trunkline_queue_oldest_age_seconds", _G, "Age of the oldest message in line.", ("class",), (), Across.LAST),
    Metric("trunkline_claimed", _C, "Messages taken from the queues by dispatchers.", ("class",)),
    Metric("trunkline_claimed_now", _G, "Messages that dispatchers have in hand.", ()),
    Metric("trunkline_assigned", _C, "Messages bound to a carrier, attempts counted one by one.", ("carrier", "class")),
    Metric("trunkline_planned", _C, "Messages that a plan gave to a carrier, later attempts counted too.", ("class",)),
    Metric(
        "trunkline_explored",
        _C,
        "Of these, messages that went elsewhere than to the best carrier, by what was to be learned "
        "(draw, half_open, suspect, doubt, new, unused).",
        ("carrier", "class", "reason"),
    ),
    Metric(
        "trunkline_regret_micros",
        _C,
        "Millionths of the currency that plans expected to lose against the best carrier of each message, room without end, by cause: "
        "what was to be learned, or room.",
        ("class", "cause"),
    ),
    Metric(
        "trunkline_requeued",
        _C,
        "Messages put back in line, by reason (throttled, refused, no room, hold over, …).",
        ("class", "reason"),
    ),
    Metric(
        "trunkline_portability_lookups",
        _C,
        "Numbers whose network was asked for, by result (found, unknown, failed, timed_out, and skipped after a silence of the service).",
        ("result",),
    ),
    Metric("trunkline_portability_remembered", _C, "Numbers whose network was known from an earlier answer."),
    Metric("trunkline_portability_numbers_kept", _G, "Answers that dispatchers remember."),
    Metric("trunkline_portability_duration_seconds", _H, "Waiting for the networks of the numbers of one batch.", (), CALL_S),
    Metric("trunkline_plan_duration_seconds", _H, "Planning one batch.", (), CALL_S),
    Metric(
        "trunkline_plans_blind",
        _C,
        "Batches planned by price and the carriers' own breakers, without a scoreboard (none) or with one older than 15 s (old).",
        ("board",),
    ),
    Metric(
        "trunkline_shadow_price_micros",
        _G,
        "What one more segment a second on a carrier would have saved of late, in micros a second.",
        ("carrier",),
        (),
        Across.MAX,
    ),
    Metric("trunkline_set_aside", _G, "Messages set aside because no release that runs can read their records.", ()),
    Metric("trunkline_partitions_held", _G, "Journal partitions leased by dispatchers.", ()),
    # -- carriers
    Metric("trunkline_submitted", _C, "Messages a carrier took.", ("carrier", "class")),
    Metric("trunkline_submitted_segments", _C, "Segments a carrier took.", ("carrier", "class")),
    Metric(
        "trunkline_submit_refused", _C, "Submits answered with an error, by the error's name.", ("carrier", "class", "reason")
    ),
    Metric("trunkline_throttled", _C, "Submits answered with ESME_RTHROTTLED or ESME_RMSGQFUL.", ("carrier",)),
    Metric("trunkline_submits_mended", _C, "Submits sent once more without what the carrier refused.", ("carrier",)),
    Metric("trunkline_unknown", _C, "Submits without an answer.", ("carrier", "class")),
    Metric("trunkline_copies", _C, "Second copies written while nothing came of the first (rescue).", ("carrier", "class")),
    Metric("trunkline_possible_duplicates", _C, "Messages sent again after a submit without an answer.", ("carrier", "class")),
    Metric(
        "trunkline_finished",
        _C,
        "Messages that reached their end, by status word and reason.",
        ("status", "carrier", "class", "reason"),
    ),
    Metric("trunkline_receipts", _C, "Delivery receipts read, by the state they report.", ("carrier", "state")),
    Metric("trunkline_receipts_unmatched", _C, "Receipts whose message was not known when they came.", ("carrier",)),
    Metric(
        "trunkline_receipts_deferred",
        _C,
        "Receipts answered with a temporary error because they could not be made durable.",
        ("carrier",),
    ),
    Metric("trunkline_queries", _C, "Questions after submits whose receipts did not come (query_sm).", ("carrier",)),
    Metric("trunkline_queries_settled", _C, "Questions that were answered with a final state.", ("carrier",)),
    Metric(
        "trunkline_inbound",
        _C,
        "Messages from handsets, by what became of them (received, refused, unmatched, put_off, repeated).",
        ("carrier", "outcome"),
    ),
    Metric("trunkline_window_used", _G, "Submits without an answer yet.", ("carrier",)),
    Metric("trunkline_window_size", _G, "Submits that may be without an answer, over all bound sessions.", ("carrier",)),
    Metric("trunkline_lane_speed", _G, "Segments a second that the carrier's lane allows now; 0: no limit known.", ("carrier",)),
    Metric("trunkline_lane_speed_contracted", _G, "Segments a second of the contract; 0: none.", ("carrier",), (), Across.MAX),
    Metric("trunkline_lane_waiting", _G, "Messages that wait inside the link for a throttled lane.", ("carrier",)),
    Metric("trunkline_carrier_sessions_bound", _G, "Sessions that can submit.", ("carrier",)),
    Metric("trunkline_carrier_sessions", _G, "Sessions wanted.", ("carrier",)),
    Metric("trunkline_smpp_malformed_pdus", _C, "PDUs that could not be read.", ("carrier",)),
    Metric("trunkline_smpp_unsolicited_answers", _C, "Answers that no request waited for.", ("carrier",)),
    Metric("trunkline_binds", _C, "Attempts to bind a session, by outcome (bound or the error's name).", ("carrier", "outcome")),
    # -- latencies
    Metric(
        "trunkline_accept_to_submit_seconds",
        _H,
        "From acceptance to the first octet written to a carrier.",
        ("class",),
        LATENCY_S,
    ),
    Metric(
        "trunkline_submit_to_answer_seconds",
        _H,
        "From the first octet written to the last answer.",
        ("carrier", "class"),
        LATENCY_S,
    ),
    Metric("trunkline_submit_to_receipt_seconds", _H, "From the submit to the final receipt.", ("carrier", "class"), LATENCY_S),
    Metric(
        "trunkline_accept_to_delivered_seconds", _H, "From acceptance to the receipt that says delivered.", ("class",), LATENCY_S
    ),
    # -- brain
    Metric("trunkline_breaker_state", _G, "A carrier's breaker: 0 closed, 1 half open, 2 open.", ("carrier",), (), Across.LAST),
    Metric("trunkline_breaker_changes", _C, "Changes of carriers' breakers, by the state that followed.", ("carrier", "state")),
    Metric(
        "trunkline_carrier_suspect",
        _G,
        "1 while a carrier's receipts have fallen off somewhere and it is probed for their return.",
        ("carrier",),
        (),
        Across.LAST,
    ),
    Metric(
        "trunkline_receipt_trust_ratio",
        _G,
        "What a carrier's receipts are worth by codes that were used, 0 to 1; the least over its countries.",
        ("carrier",),
        (),
        Across.LAST,
    ),
    Metric(
        "trunkline_receipts_lost",
        _G,
        "1 while a carrier's receipts do not come somewhere although codes are used.",
        ("carrier",),
        (),
        Across.LAST,
    ),
    Metric("trunkline_receipts_pending", _G, "Messages whose receipts the brain waits for.", ("carrier",), (), Across.LAST),
    Metric(
        "trunkline_alarms",
        _C,
        "Places (a carrier, its country or its network) that were found to have become worse (down) or better (up).",
        ("way",),
    ),
    Metric(
        "trunkline_epochs", _C, "New beginnings of what is known of a place, after an alarm or when a suspect stayed as it was."
    ),
    Metric("trunkline_board_version", _G, "Version of the newest scoreboard.", (), (), Across.MAX),
    Metric("trunkline_board_age_seconds", _G, "Age of the oldest scoreboard that a dispatcher plans with.", (), (), Across.MAX),
    Metric(
        "trunkline_brain_part_age_seconds",
        _G,
        "Where several brains learn: since one of them was heard of by another.",
        ("brain",),
        (),
        Across.MAX,
    ),
    Metric("trunkline_observations", _C, "Outcomes told to the brain.", ("outcome",)),
    Metric("trunkline_brain_tick_duration_seconds", _H, "Renewing the scoreboard.", (), CALL_S),
    # -- limiter
    Metric("trunkline_limiter_refusals", _C, "Messages without a token, by reason (rate, spend).", ("reason",)),
    Metric("trunkline_limiter_leases", _C, "Leases of tokens granted to fronts.", ()),
    Metric("trunkline_limiter_tokens", _C, "Tokens leased, and given back unused.", ("direction",)),
    # -- the SMPP server
    Metric("trunkline_smpp_sessions", _G, "Sessions of customers: all that are bound, and of these the receiving.", ("kind",)),
    Metric("trunkline_smpp_submit_duration_seconds", _H, "From a submit's arrival to its answer.", (), CALL_S),
    Metric("trunkline_parts", _C, "Parts of long messages made durable, by where they came from.", ("source",)),
    Metric("trunkline_parts_incomplete", _C, "Long messages whose parts never all came.", ("source",)),
    Metric(
        "trunkline_deliveries",
        _C,
        "Receipts and messages written to customers, by what became of them (taken, retry, refused, given_up).",
        ("kind", "outcome"),
    ),
    Metric("trunkline_delivery_duration_seconds", _H, "From writing to a customer to its answer.", (), CALL_S),
    Metric("trunkline_deliveries_dropped", _C, "Receipts and messages that customers did not fetch in time.", ()),
    Metric("trunkline_deliveries_now", _G, "Receipts and messages in the hands of SMPP servers.", ()),
    # -- webhooks
    Metric(
        "trunkline_webhooks",
        _C,
        "Webhook deliveries tried, by outcome (delivered, retried, dead, disabled, refused).",
        ("outcome",),
    ),
    Metric("trunkline_webhook_duration_seconds", _H, "One webhook delivery, from start to answer.", (), CALL_S),
    Metric("trunkline_webhooks_claimed_now", _G, "Webhook events that couriers have in hand.", ()),
    # -- journal
    Metric("trunkline_journal_call_duration_seconds", _H, "One call to the journal.", ("script",), CALL_S),
    Metric(
        "trunkline_journal_errors",
        _C,
        "Calls to the journal that failed, by reason (unavailable, full, fenced, …).",
        ("script", "reason"),
    ),
    Metric("trunkline_journal_memory_used_bytes", _G, "Memory the journal's server uses.", (), (), Across.LAST),
    Metric("trunkline_journal_memory_limit_bytes", _G, "Memory the journal's server may use; 0: no limit.", (), (), Across.LAST),
    Metric(
        "trunkline_journal_durable",
        _G,
        "1 when a 202 means on disk; 0 when the mode in force promises less.",
        (),
        (),
        Across.LAST,
    ),
    # -- processes
    Metric("trunkline_calls", _C, "Calls from one actor to another, by method.", ("method",)),
    Metric("trunkline_actor_restarts", _C, "Actors started again after they died, by kind.", ("kind",)),
    Metric("trunkline_processes", _G, "Actor processes that report.", ("kind",)),
    Metric("trunkline_process_cpu_seconds", _C, "Processor time used, by kind of actor.", ("kind",)),
    Metric("trunkline_process_resident_memory_bytes", _G, "Resident memory, by kind of actor.", ("kind",)),
    Metric("trunkline_metric_overflows", _C, 'Label sets counted as "other" because a metric had too many.', ("metric",)),
)
# fmt: on

BY_NAME: Final = MappingProxyType({metric.name: metric for metric in TABLE})


def markdown(table: Sequence[Metric] = TABLE) -> str:
    """The README's table of metrics."""
    lines = ["| metric | kind | labels | meaning |", "|---|---|---|---|"]
    for metric in table:
        shown = metric.name + ("_total" if metric.kind is Kind.COUNTER else "")
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        lines.append(f"| `{shown}` | {metric.kind} | {labels} | {metric.help.replace('|', chr(92) + '|')} |")
    return "\n".join(lines) + "\n"
