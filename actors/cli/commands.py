"""The commands that talk to a running system, by their names."""

import typer

from actors.cli import keys, webhooks
from actors.cli.carriers import board, carriers
from actors.cli.check import check
from actors.cli.send import send
from actors.cli.watch import watch


def mount(app: typer.Typer) -> None:
    """Add them to an app."""
    for command in (send, watch, carriers, board, check):
        app.command()(command)
    app.add_typer(keys.app, name="keys")
    app.add_typer(webhooks.app, name="webhooks")
