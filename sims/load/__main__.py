"""``python -m sims.load``."""

import typer

from sims.load.command import load

if __name__ == "__main__":
    typer.run(load)
