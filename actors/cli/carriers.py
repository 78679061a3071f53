"""``trunkline carriers`` and ``trunkline board``: how the carriers fare, and what the brain thinks of them."""

from collections.abc import Mapping
from typing import Annotated, Any, Final
from urllib.parse import urlencode

import typer
from rich.table import Table
from rich.text import Text

from actors.cli import local
from actors.cli.terminal import clean, money, say, say_json, show, table
from router.present import CLASS_WORDS

HISTORY_ROWS: Final = 12
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
    history: Annotated[bool, typer.Option("--history", help="The last hours instead.")] = False,
    hours: Annotated[float, typer.Option(help="How far back the history goes, at most 24.")] = 1.0,
    json: local.Json = False,
    data_dir: local.DataDir = local.DEFAULT_DATA_DIR,
    url: local.Url = "",
    key: local.ApiKey = "",
) -> None:
    """Show the brain's scoreboard: what it expects of each carrier, by network and class."""
    asked = urlencode({name: value for name, value in (("carrier", carrier), ("network", network)) if value})
    if history:
        past = "&".join(filter(None, (asked, f"hours={hours:g}")))
        with local.api(data_dir, url, key) as api:
            shown = api.get(f"/v1/board/history?{past}", expect=("network", "step_s", "data"))
        if json:
            say_json(shown)
        elif shown["data"]:
            say(f"towards {shown['network']}")
            show(history_table(shown["data"]))
        else:
            say("nothing is kept of this time")
        return
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
            _trust(one.get("trust", 1.0)),
            _remark(one),
            one["reason"],
        )
        for one in shown
    ]
    heads = ("carrier", "breaker", "submitted", "delivered", "undelivered", "pending", "trust", "", "reason")
    return table(heads, rows, right=heads[2:7])


def history_table(shown: list[Mapping[str, Any]]) -> Table:
    """Points of GET /v1/board/history: at most ``HISTORY_ROWS`` times, evenly spread, the newest last."""
    times = sorted({one["at"] for one in shown})
    step = -(-len(times) // HISTORY_ROWS)
    kept = set(times[::-1][::step])
    before: dict[str, int] = {}
    rows = []
    for one in shown:
        if one["at"] not in kept:
            continue
        sent = one["submitted"] - before.get(one["carrier"], one["submitted"])
        before[one["carrier"]] = one["submitted"]
        success, wait_s = one["success"] or {}, one["wait_s"] or {}
        rows.append(
            (
                one["at"][11:19],
                one["carrier"],
                *(f"{success[word]:.1%}" if word in success else "-" for word in CLASS_WORDS),
                f"{wait_s['otp']:.1f} s" if "otp" in wait_s else "-",
                _trust(one["trust"]),
                max(sent, 0),
                _breaker(one["breaker"]),
                "suspect" if one["suspect"] else "",
            )
        )
    heads = ("time", "carrier", *CLASS_WORDS, "otp wait", "trust", "sent", "breaker", "")
    return table(heads, rows, right=heads[2:8])


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


def _trust(share: float) -> Text:
    """What receipts are worth; less than nine tenths wants an eye on it."""
    return Text(f"{share:.0%}", style="" if share >= 0.9 else "yellow" if share >= 0.5 else "bold red")


def _remark(one: Mapping[str, Any]) -> str:
    words = ["suspect"] if one["suspect"] else []
    if one.get("unheard"):
        words.append("receipts lost" if one["unheard"] == "*" else f"receipts lost in {one['unheard']}")
    return ", ".join(words)


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
