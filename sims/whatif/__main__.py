"""``python -m sims.whatif``."""

import typer

from sims.whatif.command import policy

if __name__ == "__main__":
    typer.run(policy)
