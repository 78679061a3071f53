"""``trunkline board``: what the brain thinks of the carriers, now or in the last hours."""

import time
from collections.abc import Mapping
from typing import Annotated, Any, Final
from urllib.parse import urlencode

import typer
from rich.console import Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from actors.cli import local
from actors.cli.api_client import Api, ApiError
from actors.cli.terminal import breaker, clean, console, money, say, say_json, show, table
from router.present import CLASS_WORDS

HISTORY_ROWS: Final = 12
WORLD: Final = "*"
SILENT_S: Final = 10.0  # an idle scoreboard is five seconds old at most
NOTHING: Final = "the brain has not published a scoreboard yet"


def board(
    carrier: Annotated[str, typer.Option(help="This carrier only, towards all networks.")] = "",
    network: Annotated[str, typer.Option(help="Towards this network: MCC and MNC, a country, or *.")] = "",
    live: Annotated[bool, typer.Option("--live", help="Show it anew every second, until Ctrl-C.")] = False,
    history: Annotated[bool, typer.Option("--history", help="The last hours instead.")] = False,
    hours: Annotated[float, typer.Option(help="How far back the history goes, at most 24.")] = 1.0,
    json: local.Json = False,
    data_dir: local.DataDir = local.DEFAULT_DATA_DIR,
    url: local.Url = "",
    key: local.ApiKey = "",
) -> None:
    """Show the brain's scoreboard: each carrier's breaker, trust and shadow price, and what is expected of it by network and class."""
    asked = {name: value for name, value in (("carrier", carrier), ("network", network)) if value}
    with local.api(data_dir, url, key) as api:
        if history:
            _show_history(api, asked | {"hours": f"{hours:g}"}, json=json)
            return
        if not asked and not json:
            asked = {"network": WORLD}  # of hundreds of networks nobody reads all
        path = f"/v1/board?{urlencode(asked)}" if asked else "/v1/board"
        if live:
            _follow(api, path, json=json)
        elif json:
            say_json(_look(api, path))
        else:
            show(board_view(_look(api, path)))


def _look(api: Api, path: str) -> dict[str, Any]:
    found: dict[str, Any] = api.get(path, expect=("version", "carriers", "cells"))
    return found


def _follow(api: Api, path: str, *, json: bool) -> None:
    """Look every second. An API that is away for a while is waited for, with the last board standing."""
    try:
        while json or not console.is_terminal:
            found = _look(api, path)
            say_json(found, line=True) if json else show(board_view(found))
            time.sleep(1.0)
        shown: RenderableType = board_view(_look(api, path))
        with Live(shown, console=console, auto_refresh=False) as screen:
            while True:
                time.sleep(1.0)
                try:
                    shown = board_view(_look(api, path))
                    screen.update(shown, refresh=True)
                except ApiError as error:
                    if not error.passing:
                        raise
                    screen.update(Group(shown, Text(clean(error), style="yellow")), refresh=True)
    except KeyboardInterrupt:
        return


def _show_history(api: Api, asked: Mapping[str, str], *, json: bool) -> None:
    shown = api.get(f"/v1/board/history?{urlencode(asked)}", expect=("network", "step_s", "data"))
    if json:
        say_json(shown)
    elif shown["data"]:
        say(f"towards {shown['network']}")
        show(history_table(shown["data"]))
    else:
        say("nothing is kept of this time")


def board_view(shown: Mapping[str, Any]) -> RenderableType:
    """An answer of GET /v1/board."""
    if not shown["version"]:
        return Text(NOTHING)
    age = f", {shown['age_s']:.1f} s old" if shown.get("age_s") is not None else ""
    silent = [f", {name} silent for {told_s:.0f} s" for name, told_s in shown.get("brains", {}).items() if told_s > SILENT_S]
    parts: list[RenderableType] = [
        Text(clean(f"board {shown['version']}{age}{''.join(silent)}")),
        standing_table(shown["carriers"]),
    ]
    if any(one.get("shadow_micros_per_s") for one in shown["carriers"]):
        unit = clean(f"{shown.get('currency', '')} a second".strip())
        parts.append(Text(f"shadow: {unit} that one more segment a second would have saved of late", style="dim"))
    if shown["cells"]:
        parts += [Text(""), cell_table(shown["cells"])]
    return Group(*parts)


def standing_table(shown: list[Mapping[str, Any]]) -> Table:
    """Carriers of GET /v1/board."""
    rows = [
        (
            one["carrier"],
            breaker(one["breaker"]),
            _suspicion(one),
            _trust(one.get("trust", 1.0)),
            _lost(one),
            money(one.get("shadow_micros_per_s", 0)),
            one["submitted"],
            one["delivered"],
            one["undelivered"],
            f"{one['pending']:.0f}",
            one["reason"],
        )
        for one in shown
    ]
    figures = ("trust", "shadow", "submitted", "delivered", "undelivered", "pending")
    heads = ("carrier", "breaker", "suspect", "trust", "receipts lost", *figures[1:], "reason")
    return table(heads, rows, right=figures)


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
                breaker(one["breaker"]),
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


def _suspicion(one: Mapping[str, Any]) -> Text:
    """Where its receipts have fallen off."""
    if not one["suspect"]:
        return Text("")
    places = one.get("suspect_in") or []
    return Text("yes" if not places else "everywhere" if WORLD in places else clean(", ".join(places)), style="yellow")


def _lost(one: Mapping[str, Any]) -> Text:
    """Where its receipts do not come although codes are used."""
    place = one.get("unheard", "")
    return Text("everywhere" if place == WORLD else clean(place), style="yellow")
