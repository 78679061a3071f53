"""``trunkline carriers`` and ``trunkline board``: how the carriers fare, and what the brain thinks of them."""

from collections.abc import Mapping
from typing import Annotated, Any, Final
from urllib.parse import urlencode

import typer
from rich.table import Table
from rich.text import Text

from actors.cli import local
from actors.cli.terminal import clean, money, say, say_json, show, table

_BREAKER_STYLE: Final = {"closed": "green", "half_open": "yellow", "open": "bold red"}


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


def board(
    carrier: Annotated[str, typer.Option(help="This carrier only.")] = "",
    network: Annotated[str, typer.Option(help="This network only: MCC and MNC, a country, or *.")] = "",
    json: local.Json = False,
    data_dir: local.DataDir = local.DEFAULT_DATA_DIR,
    url: local.Url = "",
    key: local.ApiKey = "",
) -> None:
    """Show the brain's scoreboard: what it expects of each carrier, by network and class."""
    asked = urlencode({name: value for name, value in (("carrier", carrier), ("network", network)) if value})
    with local.api(data_dir, url, key) as api:
        shown = api.get(f"/v1/board?{asked}" if asked else "/v1/board", expect=("version", "carriers", "cells"))
    if json:
        say_json(shown)
    elif not shown["version"]:
        say("the brain has not published a scoreboard yet")
    else:
        say(f"board {shown['version']}")
        show(standing_table(shown["carriers"]))
        say("")
        show(cell_table(shown["cells"]))


def carrier_table(shown: list[Mapping[str, Any]]) -> Table:
    """Rows of GET /v1/carriers."""
    rows = [
        (
            Text(clean(one["name"]), style="bold" if one["enabled"] else "dim"),
            _bound(one),
            _speed(one["speed_mps"], one["contracted_mps"]),
            _used(one),
            one["throttled"],
            _breaker(one["breaker"]),
            "; ".join(filter(None, (one["reason"], one.get("suggestion", "")))),
        )
        for one in shown
    ]
    return table(("carrier", "bound", "segments/s", "window", "throttled", "breaker", "reason"), rows, right=("throttled",))


def standing_table(shown: list[Mapping[str, Any]]) -> Table:
    """Carriers of GET /v1/board."""
    rows = [
        (
            one["carrier"],
            _breaker(one["breaker"]),
            one["submitted"],
            one["delivered"],
            one["undelivered"],
            f"{one['pending']:.0f}",
            "suspect" if one["suspect"] else "",
            one["reason"],
        )
        for one in shown
    ]
    heads = ("carrier", "breaker", "submitted", "delivered", "undelivered", "pending", "", "reason")
    return table(heads, rows, right=heads[2:6])


def cell_table(shown: list[Mapping[str, Any]]) -> Table:
    """Cells of GET /v1/board."""
    rows = [
        (
            one["carrier"],
            one["network"],
            one["class"],
            f"{one['success']:.1%}",
            f"± {one['spread']:.1%}",
            f"{one['wait_s']:.1f} s",
            f"{one['weight']:.0f}",
            "-" if one["price_micros"] is None else money(one["price_micros"]),
        )
        for one in shown
    ]
    heads = ("carrier", "network", "class", "p", "spread", "wait", "seen", "price")
    return table(heads, rows, right=heads[3:])


def _bound(one: Mapping[str, Any]) -> Text:
    full = one["bound"] >= one["sessions"]
    return Text(f"{one['bound']}/{one['sessions']}", style="green" if full else "yellow" if one["bound"] else "bold red")


def _speed(now_mps: float, contracted_mps: int) -> str:
    """Now and by contract; 0 means: no limit known."""
    return " / ".join("no limit" if not speed_mps else f"{speed_mps:g}" for speed_mps in (round(now_mps, 1), contracted_mps))


def _used(one: Mapping[str, Any]) -> str:
    return f"{one['window_used']}/{one['window']}"


def _breaker(word: str) -> Text:
    return Text(clean(word).replace("_", "-"), style=_BREAKER_STYLE.get(word, ""))
