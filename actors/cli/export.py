"""``trunkline export``: what was decided for each message and what came of it, as a file for analysis."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlencode

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from actors.cli import local
from actors.cli.api_client import Api
from actors.cli.terminal import MISUSED, counted, errors, fail, say
from router.setting import ClassWord
from sims.whatif.files import GROUP_ROWS, FileFault, flat, writer

PAGE: Final = 500  # records a request: some 400 kB


def export(
    out: Annotated[Path, typer.Option(help="The file to write: .csv, or .parquet with the extra `parquet`.")],
    since: Annotated[str, typer.Option(help="Only messages created after this time (RFC 3339, or a date).")] = "",
    until: Annotated[str, typer.Option(help="Only messages created before this time.")] = "",
    klass: Annotated[ClassWord | None, typer.Option("--class", help="Only this class.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    data_dir: local.DataDir = local.DEFAULT_DATA_DIR,
    url: local.Url = "",
    key: local.ApiKey = "",
) -> None:
    """Write records of the tenant's messages: decision and outcome of each first attempt, without text, sender and number.

    `trunkline sim policy` replays them. A file is written whole or not at all.
    """
    asked = {"created_after": _moment("--since", since), "created_before": _moment("--until", until), "class": klass or ""}
    if out.exists() and not force:
        fail(f"{out} is there already: --force writes over it", MISUSED)
    rough = out.with_name(f"{out.stem}.part{out.suffix}")
    written = 0
    try:
        with local.api(data_dir, url, key) as api, writer(rough) as file, _progress() as progress:
            task = progress.add_task("records", total=None)
            group: list[dict[str, Any]] = []
            for page in pages(api, {name: value for name, value in asked.items() if value}):
                group += map(flat, page)
                written += len(page)
                if len(group) >= GROUP_ROWS:
                    file.write(group)
                    group = []
                progress.update(task, description=counted(written, "record"))
            if group:
                file.write(group)
        rough.replace(out)
    except FileFault as error:
        fail(str(error), MISUSED)
    finally:
        rough.unlink(missing_ok=True)
    say(f"{counted(written, 'record')} written to {out}")


def pages(api: Api, asked: dict[str, str]) -> Iterator[list[dict[str, Any]]]:
    """The records, newest first, a page at a time."""
    after = ""
    while True:
        query = urlencode(asked | {"limit": str(PAGE)} | ({"after": after} if after else {}))
        found = api.get(f"/v1/records?{query}", expect=("data", "meta"))
        yield found["data"]
        after = found["meta"]["next_cursor"] or ""
        if not after:
            return


def _progress() -> Progress:
    """To standard error, so that a pipe gets the one line that counts."""
    return Progress(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=errors, transient=True)


def _moment(option: str, text: str) -> str:
    """A time as the API reads it; a bare date is its midnight, and without an offset it is UTC."""
    if not text:
        return ""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        fail(f"{option}: {text!r} is no time such as 2030-01-01T09:00:00Z or 2030-01-01", MISUSED)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat()
