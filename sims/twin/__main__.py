"""``python -m sims.twin``."""

import typer

from sims.twin.command import brain

if __name__ == "__main__":
    typer.run(brain)
