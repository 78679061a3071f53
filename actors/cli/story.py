"""A message's history for people: a line an event, and under each assignment why this carrier and no other."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from actors.cli.terminal import clean, counted, money, table

STYLES: Final = {
    "delivered": "bold green",
    "undelivered": "bold red",
    "failed": "bold red",
    "rejected": "bold red",
    "expired": "bold red",
    "canceled": "bold yellow",
    "delivery_unconfirmed": "bold yellow",
    "refused": "yellow",
    "unknown": "yellow",
    "unrouted": "yellow",
}
# Why a message went elsewhere than to the best carrier, by the words of ``router.brain.explore``.
LEARNED: Final = {
    "draw": "its success is uncertain, and a draw from what is known of it came out best",
    "half_open": "whether it takes messages again",
    "suspect": "whether its receipts have come back",
    "doubt": "whether codes that it says to have delivered are used",
    "new": "it is hardly known yet",
    "unused": "nothing has gone to it there of late",
}
NOT_SCORED: Final = ("-",) * 5
_EXPLANATION_INDENT: Final = 12


def headline(message: Mapping[str, Any]) -> Text:
    """What the message is, without its text."""
    cost = message["cost"]
    parts = [
        message["id"],
        message["class"],
        f"to {message['to']}",
        f"network {message['network']}" if message["network"] else "",
        f"{counted(message['segments'], 'segment')} of {message['encoding']}",
        f"{cost['amount']} {cost['currency']}",
    ]
    return Text(clean(" · ".join(part for part in parts if part)), style="bold")


def event(line: Mapping[str, Any], started_at: str, currency: str) -> RenderableType:
    """One event. ``started_at``: the first event's time, from which the others are told."""
    kind = line["kind"]
    word = line["status"] if kind == "final" and "status" in line else kind
    told = Text()
    told.append(f"{_seconds(started_at, line['at']):>10}  ", style="dim")
    told.append(f"{clean(word):<14}", style=STYLES.get(word, "bold" if kind == "assigned" else ""))
    told.append(clean(" · ".join(_details(line))))
    if "explanation" not in line:
        return told
    reasons = explanation(line, currency)
    return told if reasons is None else Group(told, Padding(reasons, (0, 0, 0, _EXPLANATION_INDENT)))


def _seconds(start: str, at: str) -> str:
    """From one time to another, as ``+0.041 s``; the time itself where one of them is none."""
    try:
        elapsed_s = (datetime.fromisoformat(at) - datetime.fromisoformat(start)).total_seconds()
    except ValueError:
        return clean(at)
    return f"{elapsed_s:+.3f} s"


def _details(line: Mapping[str, Any]) -> Iterator[str]:
    """What an event tells beyond its kind, in the order of interest."""
    if carrier := line.get("carrier"):
        yield str(carrier)
    if "attempt" in line:
        yield f"attempt {line['attempt']}"
    if line.get("copy"):
        yield "second copy"
    if line.get("explored"):
        why = str(line.get("explored_why", ""))
        yield f"chosen to learn: {LEARNED.get(why, why)}" if why else "chosen to learn"
    if ids := line.get("carrier_ids"):
        yield ("id " if len(ids) == 1 else "ids ") + ", ".join(map(str, ids))
    if "latency_us" in line:
        yield f"answered in {line['latency_us'] / 1e3:.1f} ms"
    if "receipt_status" in line:
        yield " ".join(str(word) for word in (line["receipt_status"], line.get("receipt_error")) if word)
    if "carrier_status" in line:
        yield f"status 0x{line['carrier_status']:08X}"
    match line.get("error"):
        case str(name) if name:
            yield name
        case {"name": name, "permanent": permanent, "carrier_code": code}:
            yield f"{name} ({'permanent' if permanent else 'temporary'})"
            if code:
                yield f"carrier's code {code}"
    for name, prefix in (("again", "again: "), ("reason", ""), ("rule", "rule ")):
        if line.get(name):
            yield f"{prefix}{line[name]}"


def explanation(line: Mapping[str, Any], currency: str) -> RenderableType | None:
    """Each carrier's score by part with the verdict, then the excluded ones with the reason; None: it is not kept any more."""
    told = line.get("explanation")
    if told is None:
        return None
    chosen = line.get("carrier")
    mine = next((one["total_micros"] for one in told["considered"] if one["carrier"] == chosen), None)
    rows: list[list[object]] = []
    for one in told["considered"]:
        style = "green" if one["carrier"] == chosen else ""
        cells = (
            one["carrier"],
            money(one["price_micros"]),
            _chance(one),
            f"{one['wait_s']:.1f} s",
            money(one["shadow_micros"]),
            money(one["total_micros"]),
            _verdict(one, chosen, mine, explored=bool(line.get("explored"))),
        )
        rows.append([Text(clean(cell), style=style) for cell in cells])
    for name, reason in told["excluded"].items():
        if name != chosen:  # a half-open one is asked again although it is excluded
            rows.append([Text(clean(cell), style="dim") for cell in (name, *NOT_SCORED, reason)])
    policy = f", policy {told['policy']}" if told.get("policy") else ""
    policy += f", rule {told['rule']}" if told.get("rule") else ""
    board = f"board {told['board']}" if told["board"] else "no board"
    notes = [Text(clean(f"network {told['network']}, class {told['class']}{policy}, {board}, {currency}"), style="dim")]
    if rescue := told.get("rescue"):
        first = f"{rescue['carrier']} has had it for {rescue['age_s']:.1f} s and delivers it in time with {rescue['success']:.1%}"
        notes.append(Text(clean(f"{first}; wait is the time left, cost below zero what a copy gains"), style="dim"))
    if told.get("note"):
        notes.append(Text(clean(told["note"]), style="yellow"))
    heads = ("carrier", "price", "p", "wait", "shadow", "cost", "verdict")
    return Group(table(heads, rows, right=heads[1:6]), *notes)


def _chance(one: Mapping[str, Any]) -> str:
    """Probability of delivery in time, and how uncertain it is where that is kept."""
    spread = one.get("spread")
    return f"{one['success']:.1%}" if spread is None else f"{one['success']:.1%} ± {spread:.1%}"


def _verdict(one: Mapping[str, Any], chosen: object, mine: float | None, *, explored: bool) -> str:
    if one["carrier"] == chosen:
        return "chosen to learn" if explored else "chosen"
    if mine is None:
        return ""
    more = one["total_micros"] - mine
    if more > 0:
        return f"costs {money(more)} more"
    return "passed over to learn" if explored else "its room went to others"
