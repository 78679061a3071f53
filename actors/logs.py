"""Logs: one line an event, with the actor's name; never text or full numbers of messages."""

import logging
import os
import sys


def set_up_logging(name: str) -> None:
    """Log to standard error, where Ray keeps each actor's lines. TRUNKLINE_LOG sets the level."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter(f"%(asctime)s %(levelname)s {name} %(message)s"))
    for package in ("trunkline", "router", "carriers", "actors"):
        ours = logging.getLogger(package)
        ours.handlers[:] = [handler]
        ours.propagate = False
        ours.setLevel(os.environ.get("TRUNKLINE_LOG", "INFO").upper())
