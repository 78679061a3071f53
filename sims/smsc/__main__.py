"""``python -m sims.smsc``."""

import typer

from sims.smsc.command import smsc

if __name__ == "__main__":
    typer.run(smsc)
