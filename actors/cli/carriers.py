"""``trunkline carriers``: how the carriers fare."""

from collections.abc import Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

from actors.cli import local
from actors.cli.terminal import breaker, clean, say, say_json, show, table


def carriers(
    json: local.Json = False,
    data_dir: local.DataDir = local.DEFAULT_DATA_DIR,
    url: local.Url = "",
    key: local.ApiKey = "",
) -> None:
    """Show every carrier: sessions, speed, window, breaker, and what is wrong with it."""
    with local.api(data_dir, url, key) as api:
        shown = api.get("/v1/carriers", expect=("data",))["data"]
    if json:
        say_json(shown)
    elif shown:
        show(carrier_table(shown))
    else:
        say("no carrier is configured")


def carrier_table(shown: list[Mapping[str, Any]]) -> Table:
    """Rows of GET /v1/carriers."""
    rows = [
        (
            Text(clean(one["name"]), style="bold" if one["enabled"] else "dim"),
            _bound(one),
            _speed(one["speed_mps"], one["contracted_mps"]),
            _used(one),
            one["throttled"],
            breaker(one["breaker"]),
            "; ".join(filter(None, (one["reason"], one.get("suggestion", "")))),
        )
        for one in shown
    ]
    return table(("carrier", "bound", "segments/s", "window", "throttled", "breaker", "reason"), rows, right=("throttled",))


def _bound(one: Mapping[str, Any]) -> Text:
    full = one["bound"] >= one["sessions"]
    return Text(f"{one['bound']}/{one['sessions']}", style="green" if full else "yellow" if one["bound"] else "bold red")


def _speed(now_mps: float, contracted_mps: int) -> str:
    """Now and by contract; 0 means: no limit known."""
    return " / ".join("no limit" if not speed_mps else f"{speed_mps:g}" for speed_mps in (round(now_mps, 1), contracted_mps))


def _used(one: Mapping[str, Any]) -> str:
    return f"{one['window_used']}/{one['window']}"
