"""What the demo prints: one line a period, now and then the reason of one decision, a table at the end."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from rich.console import Console
from rich.table import Table

from actors.cli.system import Running
from actors.cli.world import CARRIERS
from router.journal.port import Conservation

BAR: Final = 22
RECENT: Final = 40

Get = Callable[[str], Any]


class Sample(NamedTuple):
    """A period: submits a second by carrier, the board, and the events of one recent message (or none)."""

    rates: Mapping[str, float]
    board: Mapping[str, Any]
    why: Sequence[Mapping[str, Any]]


class Summary(NamedTuple):
    """The whole run."""

    result: Mapping[str, Any]  # of the customer who sends over REST
    gateway: Mapping[str, Any]  # of the one who sends by SMPP
    submits: Mapping[str, int]
    cost_micros: int
    checked: Conservation


def headline(console: Console, state: Running) -> None:
    """What runs, and where to look."""
    table = Table(title="Trunkline is up", title_justify="left", show_header=True, box=None)
    for column in ("carrier", "a segment", "contract", "character"):
        table.add_column(column)
    for carrier in CARRIERS:
        table.add_row(carrier.name, f"€ {carrier.price_micros / 1e6:.3f}", f"{carrier.speed_mps}/s", carrier.about)
    console.print(table)
    console.print(f"API docs       {state.api_url}/docs")
    console.print(f"SMPP server    {state.smpp_address}, where a customer's gateway sends a quarter of the traffic")
    console.print(f"Ray dashboard  {state.dashboard_url}")


def period(console: Console, sample: Sample) -> None:
    """One line: who got how much, and what the brain holds of each."""
    total = sum(sample.rates.values()) or 1.0
    views = {view["carrier"]: view for view in sample.board["carriers"]}
    cells = {cell["carrier"]: cell for cell in sample.board["cells"] if cell["class"] == "otp"}
    parts = []
    for carrier in CARRIERS:
        share = sample.rates[carrier.name] / total
        blocks = "█" * round(share * BAR)
        mark = _mark(views.get(carrier.name, {}))
        cell = cells.get(carrier.name)
        p = f"p={cell['success']:.2f}" if cell else "p=?"
        parts.append(f"{carrier.name} [cyan]{blocks:<{BAR}}[/cyan]{share:4.0%} {p}{mark}")
    console.print(f"{sum(sample.rates.values()):5.0f}/s  " + "  ".join(parts), highlight=False, soft_wrap=True)
    for event in sample.why:
        _print_why(console, event)


def _mark(view: Mapping[str, Any]) -> str:
    if view.get("breaker", "closed") != "closed":
        return f" [red]{view['breaker']}[/red]"
    return " [yellow]suspect[/yellow]" if view.get("suspect") else ""


def explain(get: Get) -> list[Mapping[str, Any]]:
    """The assignment of a recent one-time code that was assigned already, with the reasons."""
    for message in get(f"/v1/messages?limit={RECENT}")["data"]:
        if message["class"] != "otp":
            continue
        for event in get(f"/v1/messages/{message['id']}/events")["data"]:
            if event["kind"] == "assigned" and event.get("explanation"):
                return [event | {"id": message["id"]}]
    return []


def _print_why(console: Console, event: Mapping[str, Any]) -> None:
    row = event["explanation"]
    costs = ", ".join(
        f"{option['carrier']} {option['total_micros'] / 1e6:.3f} "
        f"(price {option['price_micros'] / 1e6:.3f}, p {option['success']:.2f}, wait {option['wait_s']:.1f} s)"
        for option in row["considered"]
    )
    excluded = "".join(f"; {name} excluded: {reason}" for name, reason in row["excluded"].items())
    explored = f" to learn ({event.get('explored_why', '')})" if event["explored"] else ""
    console.print(
        f"         [dim]why: {event['id']} {row['class']} → {event['carrier']}{explored}; expected cost € {costs}{excluded}[/dim]",
        highlight=False,
        soft_wrap=True,
    )


def summary_table(summary: Summary) -> Table:
    """The end of the demo."""
    result, gateway = summary.result, summary.gateway
    final = Counter(result["final"]) + Counter(gateway["final"])
    delivered = final["delivered"]
    accepted = result["accepted"] + gateway["accepted"]
    table = Table(title="Summary", title_justify="left", show_header=False)
    table.add_row("accepted over REST (202, on disk)", f"{result['accepted']:,}")
    table.add_row("accepted by SMPP (submit_sm_resp, on disk)", f"{gateway['accepted']:,}")
    table.add_row("delivered", f"{delivered:,} ({delivered / max(accepted, 1):.1%})")
    others = ", ".join(f"{word} {count:,}" for word, count in sorted(final.items()) if word != "delivered")
    table.add_row("other ends", others or "none")
    open_ = accepted - final.total()
    table.add_row("still waiting for a receipt", f"{open_:,}")
    table.add_row("submitted", ", ".join(f"{name} {count:,}" for name, count in summary.submits.items()))
    table.add_row("cost per delivered message", f"€ {summary.cost_micros / 1e6 / max(delivered, 1):.4f}")
    for source, word, title in (
        (result, "accept", "request → 202"),
        (gateway, "accept", "submit_sm → submit_sm_resp"),
        (result, "end_to_end", "request → final"),
        (gateway, "end_to_end", "submit_sm → receipt"),
    ):
        figures = source[f"{word}_ms"]["all"]
        if figures.get("p50") is not None:
            table.add_row(f"{title}, p50 · p99", f"{figures['p50']:,.1f} ms · {figures['p99']:,.1f} ms")
    counts = summary.checked.counts
    table.add_row("journal", ", ".join(f"{key} {value:,}" for key, value in counts.items() if value))
    faults = "; ".join(summary.checked.faults) or "none: every live message stands in exactly one place"
    table.add_row("conservation faults", faults)
    return table
