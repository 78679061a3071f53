"""``trunkline node``: a node of a Ray cluster of one's own."""

from typing import Annotated

import typer

from actors.cli import local
from actors.cluster import LOOPBACK, run_head, run_node

PORT = 6379  # as Ray has it


def node(
    join: Annotated[str, typer.Option(metavar="ADDRESS", help="The cluster's head; without it this node is the head.")] = "",
    host: Annotated[str, typer.Option(help="This machine's address in the cluster.")] = LOOPBACK,
    port: Annotated[int, typer.Option(help="Where a head listens.")] = PORT,
    data_dir: local.DataDir = local.DEFAULT_DATA_DIR,
) -> None:
    """Run a node of a Ray cluster until it is told to end; a head goes on with what the one before it knew."""
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    if join:
        run_node(data_dir, join, host=host)
    else:
        run_head(data_dir, 0, host=host, port=port, again=True)
