"""``python -m sims.gateway``."""

import typer

from sims.gateway.command import gateway

if __name__ == "__main__":
    typer.run(gateway)
