"""``trunkline check``: prove that no message is lost or doubled in the journal."""

import asyncio
import time
from collections.abc import Mapping
from typing import Annotated, Final

import typer
from rich.columns import Columns
from rich.table import Table

from actors.cli import local
from actors.cli.terminal import FAILED, clean, counted, errors, say, say_json, show, table
from actors.journal import RedisJournal
from router.journal.port import Conservation
from router.model import State

LOOK_S: Final = 0.5
SHARE: Final = 4  # a walk reads everything: at most one part in so many of the time is spent on it while waiting
PLACES: Final = {
    "queue": "in line",
    "claimed": "in a dispatcher's hands",
    "inflight": "with a carrier actor",
    "due": "waiting for their time",
    "wait": "waiting for a receipt",
    "dead": "set aside as unreadable",
    "stale": "ids left in line, to be passed over",
}


def check(
    wait: Annotated[float, typer.Option(min=0, help="Wait up to so many seconds until no message is live.")] = 0,
    json: local.Json = False,
    data_dir: local.DataDir = local.DEFAULT_DATA_DIR,
    redis_url: local.RedisUrl = "",
) -> None:
    """Walk the journal: each live message stands in exactly one place, and accepted = live + finished. Exit code 1: not so."""
    found = local.with_journal(local.journal_url(data_dir, redis_url), lambda journal: drained(journal, wait, json=json))
    live = found.counts.get("live", 0)
    if json:
        say_json({"counts": dict(found.counts), "faults": list(found.faults)})
    else:
        show(Columns([place_table(found.counts), state_table(found.counts)], padding=(0, 4)))
        say(totals(found.counts))
        for fault in found.faults:
            errors.print(clean(fault), markup=False, soft_wrap=True, style="red")
        say(counted(len(found.faults), "fault") if found.faults else "no faults")
    if wait and live:
        errors.print(f"{counted(live, 'message')} still live after {wait:g} s", markup=False, soft_wrap=True)
    if found.faults or (wait and live):
        raise typer.Exit(FAILED)


async def drained(journal: RedisJournal, wait_s: float, *, json: bool = False) -> Conservation:
    """The checker's verdict, once nothing is live or ``wait_s`` is over; tells meanwhile how much is left."""
    deadline_s = time.monotonic() + wait_s
    told = -1
    while True:
        began_s = time.monotonic()
        found = await journal.check()
        now_s = time.monotonic()
        live = found.counts.get("live", 0)
        if not live or now_s >= deadline_s:
            return found
        if live != told and not json:
            told = live
            errors.print(f"{live} live", markup=False, style="dim")
        await asyncio.sleep(min(max(LOOK_S, (SHARE - 1) * (now_s - began_s)), deadline_s - now_s))


def place_table(counts: Mapping[str, int]) -> Table:
    """Where messages stand."""
    return table(("place", "messages", ""), [(p, counts.get(p, 0), word) for p, word in PLACES.items()], right=("messages",))


def state_table(counts: Mapping[str, int]) -> Table:
    """What state messages are in, the records of ended ones included as long as they are kept."""
    rows = [(state.name.lower(), counts[state.name]) for state in State if counts.get(state.name)]
    if counts.get("unreadable"):
        rows.append(("unreadable", counts["unreadable"]))
    return table(("state", "records"), rows or [("none", 0)], right=("records",))


def totals(counts: Mapping[str, int]) -> str:
    """The sum that must hold."""
    accepted, live, finished = (counts.get(name, 0) for name in ("accepted", "live", "finished"))
    return f"accepted {accepted} {'=' if accepted == live + finished else '≠'} live {live} + finished {finished}"
