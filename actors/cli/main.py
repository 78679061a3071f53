"""``trunkline``: the command line."""

import typer

from actors.cli import accounts, keys, tenants, webhooks
from actors.cli.bench import PASSED_ON, bench
from actors.cli.board import board
from actors.cli.carriers import carriers
from actors.cli.chaos.command import chaos
from actors.cli.check import check
from actors.cli.demo import demo, stay
from actors.cli.export import export
from actors.cli.node import node
from actors.cli.run import down, status, up
from actors.cli.sbom import sbom
from actors.cli.send import send
from actors.cli.swarm import swarm
from actors.cli.upgrade import upgrade
from actors.cli.watch import watch
from sims.gateway.command import gateway
from sims.load.command import load
from sims.smsc.command import smsc
from sims.twin.command import brain
from sims.whatif.command import policy

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Trunkline, the SMS router.", pretty_exceptions_enable=False)
for command in (up, down, upgrade, status, node, send, watch, carriers, board, check, export, sbom, demo, stay, chaos):
    app.command()(command)
app.command(context_settings=PASSED_ON, add_help_option=False)(bench)
app.add_typer(keys.app, name="keys")
app.add_typer(accounts.app, name="accounts")
app.add_typer(tenants.app, name="tenants")
app.add_typer(webhooks.app, name="webhooks")

simulators = typer.Typer(
    no_args_is_help=True,
    help="Simulators: an SMSC to bind to, a load for the API, a gateway for the SMPP server, a world for the brain, records under another policy.",
)
simulators.command()(smsc)
simulators.command()(load)
simulators.command()(gateway)
simulators.command()(brain)
simulators.command()(policy)
simulators.command()(swarm)
app.add_typer(simulators, name="sim")


if __name__ == "__main__":
    app()
