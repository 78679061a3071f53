"""``trunkline``: the command line."""

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from actors.cli.demo import demo, stay
from actors.cli.system import Running, StartFailed, System, as_json, load_state, overview
from actors.journal.server import ServerFailed, ServerMissing
from router.config import ConfigError, load_settings
from router.settings import Settings

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Trunkline, the SMS router.", pretty_exceptions_enable=False)
console = Console()
errors = Console(stderr=True)

DataDir = Annotated[Path, typer.Option("--data-dir", envvar="TRUNKLINE_DATA_DIR", help="Where journal, logs and state are kept.")]
DEFAULT_DATA_DIR = Path(".trunkline")


def read_settings(config: Path) -> Settings:
    """The settings of a file; ends the command with one line a problem."""
    try:
        return load_settings(
            config.read_text("utf-8"), source=str(config), environ=os.environ, exists=lambda name: Path(name).exists()
        )
    except FileNotFoundError:
        errors.print(f"{config}: no such file; trunkline.example.toml shows every setting", highlight=False)
    except ConfigError as error:
        for problem in error.problems:
            errors.print(problem, highlight=False, markup=False)
    raise typer.Exit(2)


def start(settings: Settings, data_dir: Path, *, config: str, key: str = "") -> Running:
    """Start the system, telling the user; ends the command when it does not come up."""
    system = System(data_dir, lambda text: console.print(f"[dim]{text} …[/dim]"))
    try:
        return system.up(settings, config=config, key=key)
    except (StartFailed, ServerFailed, ServerMissing) as error:
        errors.print(str(error), highlight=False)
        raise typer.Exit(1) from error


@app.command()
def up(
    config: Annotated[Path, typer.Option("--config", help="The TOML file.")] = Path("trunkline.toml"),
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Start the system, and leave it running."""
    settings = read_settings(config)
    state = start(settings, data_dir, config=str(config))
    console.print(f"API        {state.api_url}/docs")
    console.print(f"dashboard  {state.dashboard_url or 'of the cluster at ' + state.ray_address}")
    console.print(f"stop it    trunkline down --data-dir {data_dir}")


@app.command()
def down(data_dir: DataDir = DEFAULT_DATA_DIR) -> None:
    """Drain and stop the system; what is accepted stays in the journal."""
    if not System(data_dir, lambda text: console.print(f"[dim]{text} …[/dim]")).down():
        console.print("nothing runs here")


@app.command()
def status(
    data_dir: DataDir = DEFAULT_DATA_DIR,
    json: Annotated[bool, typer.Option("--json", help="For a machine.")] = False,
) -> None:
    """Show every actor as last seen."""
    state = load_state(data_dir)
    if state is None:
        errors.print("nothing runs here")
        raise typer.Exit(1)
    from actors.cluster import connect

    connect(state.ray_address, data_dir.resolve())
    rows = overview()
    if json:
        console.print_json(as_json(rows))
        return
    table = Table("actor", "pid", "ready", "state")
    for row in rows:
        rest = {k: v for k, v in row.items() if k not in {"name", "pid", "ready", "seen_s"}}
        table.add_row(row["name"], str(row.get("pid", "")), "yes" if row.get("ready") else "no", str(rest or ""))
    console.print(table)
    if not all(row.get("ready") for row in rows):
        raise typer.Exit(1)


app.command()(demo)
app.command()(stay)


if __name__ == "__main__":
    app()
