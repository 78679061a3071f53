"""What our own processes counted, as ``/metrics`` tells it: calls to the journal by script, and calls between actors."""

import http.client
import re
from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import urlsplit

import msgspec

from benchmarks.result import Cost

ANSWER_S: Final = 10.0
# Scripts that carry messages through their life; what a call of each carried on average is what batches came to.
CARRYING: Final = ("accept", "gather", "claim", "assign", "submitted", "submit", "receipts", "apply", "notices", "notice_moves")
# Calls that tell how a peer does, whatever the load.
ABOUT: Final = frozenset({"ping", "snapshot", "status", "shadow", "accounts", "part"})
_LINE: Final = re.compile(
    r'^trunkline_(journal_call_duration_seconds_count|calls_total)\{(?:script|method)="(\w+)"\} (\S+)$', re.MULTILINE
)


class Counts(NamedTuple):
    """Since the system's start."""

    scripts: Mapping[str, int]
    calls: Mapping[str, int]


def read_counts(text: str) -> Counts:
    """From the Prometheus text."""
    scripts: dict[str, int] = {}
    calls: dict[str, int] = {}
    for metric, name, value in _LINE.findall(text):
        (calls if metric == "calls_total" else scripts)[name] = int(float(value))
    return Counts(scripts, calls)


def ask_counts(api_url: str) -> Counts:
    """Those of a running system; none where it does not answer."""
    parts = urlsplit(api_url)
    line = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=ANSWER_S)
    try:
        line.request("GET", "/metrics")
        return read_counts(line.getresponse().read().decode())
    except (OSError, http.client.HTTPException):
        return Counts({}, {})
    finally:
        line.close()


def with_counts(cost: Cost, before: Counts, after: Counts, messages: int) -> Cost:
    """A cost with what was counted between two moments. ``messages``: those whose whole life lay between."""
    scripts, calls = _between(before.scripts, after.scripts), _between(before.calls, after.calls)
    work = sum(number for method, number in calls.items() if method not in ABOUT)
    return msgspec.structs.replace(
        cost,
        scripts=scripts,
        batches={name: round(messages / scripts[name], 1) for name in CARRYING if scripts.get(name)},
        actor_calls=calls,
        actor_calls_per_message=round(work / max(messages, 1), 4),
    )


def _between(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    return {name: number - before.get(name, 0) for name, number in after.items() if number > before.get(name, 0)}
