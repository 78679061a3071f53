"""``trunkline up``, ``down`` and ``status``."""

import os
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.table import Table

from actors.cli import local
from actors.cli.system import StartFailed, System, overview
from actors.cli.terminal import MISUSED, console, fail, say, say_json
from actors.cluster import connect
from actors.journal.server import ServerFailed, ServerMissing
from router.config import ConfigError, load_settings
from router.keys import ENTROPY_OCTETS, make_key
from router.settings import Settings

NOT_SHOWN = {"name", "pid", "ready", "seen_s"}


def up(
    config: Annotated[Path, typer.Option("--config", help="The TOML file.")] = Path("trunkline.toml"),
    data_dir: Annotated[Path | None, typer.Option("--data-dir", help="Where journal, logs and state are kept.")] = None,
) -> None:
    """Start the system, and leave it running."""
    settings = read_settings(config)
    folder = data_dir or Path(settings.data_dir)
    settings, key = with_local_key(settings)
    system = System(folder, progress)
    try:
        state = system.up(settings, config=str(config), key=key)
    except (StartFailed, ServerFailed, ServerMissing) as error:
        fail(str(error))
    say(f"API docs       {state.api_url}/docs")
    say(f"Ray dashboard  {state.dashboard_url or 'that of the cluster at ' + state.ray_address}")
    say(f"stop it        trunkline down --data-dir {folder}")


def down(data_dir: local.DataDir = local.DEFAULT_DATA_DIR) -> None:
    """Drain and stop the system; what is accepted stays in the journal."""
    if not System(data_dir, progress).down():
        say(f"nothing runs in {data_dir}")


def status(data_dir: local.DataDir = local.DEFAULT_DATA_DIR, json: local.Json = False) -> None:
    """Show every actor as last seen."""
    state = local.running(data_dir)
    if state is None:
        fail(f"nothing runs in {data_dir}")
    connect(state.ray_address, data_dir.resolve())
    rows = overview()
    if json:
        say_json(rows)
    else:
        console.print(status_table(rows))
    if not rows or not all(row.get("ready") for row in rows):
        raise typer.Exit(1)


def status_table(rows: list[dict[str, Any]]) -> Table:
    """Actors, a line each."""
    table = Table("actor", "pid", "ready", "state")
    for row in rows:
        rest = ", ".join(f"{key} {value}" for key, value in row.items() if key not in NOT_SHOWN)
        table.add_row(row["name"], str(row.get("pid", "")), "yes" if row.get("ready") else "no", rest)
    return table


def read_settings(config: Path) -> Settings:
    """The settings of a file, secrets fetched; ends the command with one line a problem."""
    try:
        text = config.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or error
        fail(f"{config} cannot be read: {why}; trunkline.example.toml shows every setting", MISUSED)
    try:
        return load_settings(
            text,
            source=str(config),
            environ=os.environ,
            exists=lambda name: Path(name).exists(),
            read=lambda name: Path(name).read_text("utf-8"),
        )
    except ConfigError as error:
        fail("\n".join(error.problems), MISUSED)


def with_local_key(settings: Settings) -> tuple[Settings, str]:
    """A key of the first tenant for commands on this machine, made anew at each start and kept in the data folder only."""
    if not settings.tenants:
        return settings, ""
    plaintext, key = make_key(os.urandom(ENTROPY_OCTETS), settings.tenants[0].id, ("send", "read", "admin"))
    return msgspec.structs.replace(settings, keys=(*settings.keys, key)), plaintext


def progress(text: str) -> None:
    """What is being done now."""
    console.print(f"[dim]{text} …[/dim]")
