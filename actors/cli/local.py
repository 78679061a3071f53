"""What the command line knows of the system started in a data folder, and the options that say otherwise."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import msgspec
import typer

from actors.cli.api_client import Api, ApiError
from actors.cli.system import STATE_FILE, Running, load_state
from actors.cli.terminal import MISUSED, fail
from actors.journal import RedisJournal
from router.journal.port import JournalError

T = TypeVar("T")

DEFAULT_DATA_DIR: Final = Path(".trunkline")

DataDir = Annotated[
    Path, typer.Option("--data-dir", envvar="TRUNKLINE_DATA_DIR", help="The folder of the system started by `trunkline up`.")
]
Url = Annotated[
    str, typer.Option("--url", envvar="TRUNKLINE_URL", help="The API; by default that of the system in the data folder.")
]
ApiKey = Annotated[
    str, typer.Option("--key", envvar="TRUNKLINE_KEY", help="API key, tl_…; by default the one that `trunkline up` made.")
]
RedisUrl = Annotated[
    str, typer.Option("--redis-url", envvar="TRUNKLINE_REDIS_URL", help="The journal; by default that of the data folder.")
]
Json = Annotated[bool, typer.Option("--json", help="For a machine.")]


def running(data_dir: Path) -> Running | None:
    """The system of this data folder, None when none runs; ends the command when its state cannot be read."""
    try:
        return load_state(data_dir)
    except (OSError, msgspec.DecodeError) as error:
        fail(f"{data_dir / STATE_FILE} cannot be read: {error}", MISUSED)


@contextlib.contextmanager
def api(data_dir: Path, url: str, key: str) -> Iterator[Api]:
    """The API to be called; what it refuses ends the command with exit code 1.

    The key of the data folder is shown to the API of the data folder only, never to one named by ``url``.
    """
    state = None if url and key else running(data_dir)
    if state is None and not url:
        fail(f"nothing runs in {data_dir}: start it with `trunkline up`, or give --url", MISUSED)
    if state is not None and (not url or url.rstrip("/") == state.api_url.rstrip("/")):
        url, key = state.api_url, key or state.key
    if not key:
        fail("there is no API key: give --key, or set TRUNKLINE_KEY (`trunkline keys create` makes one)", MISUSED)
    if not key.isascii() or not key.isprintable():
        fail("the API key has characters that no key has", MISUSED)
    try:
        client = Api(url, key)
    except ValueError as error:
        fail(str(error), MISUSED)
    try:
        yield client
    except ApiError as error:
        fail(str(error))
    finally:
        client.close()


def journal_url(data_dir: Path, redis_url: str) -> str:
    """Where the journal is; ends the command when nobody knows."""
    if redis_url:
        return redis_url
    state = running(data_dir)
    if state is None:
        fail(f"nothing runs in {data_dir}: start it with `trunkline up`, or give --redis-url", MISUSED)
    return state.journal_url


def with_journal(url: str, work: Callable[[RedisJournal], Coroutine[Any, Any, T]]) -> T:
    """Run a piece of work with the journal at ``url``; a journal that does not answer ends the command with exit code 1."""
    try:
        return asyncio.run(_with_journal(url, work))
    except JournalError as error:
        fail(f"the journal does not answer: {error}")


async def _with_journal(url: str, work: Callable[[RedisJournal], Coroutine[Any, Any, T]]) -> T:
    try:
        journal = RedisJournal.connect(url)
    except ValueError as error:  # what redis-py says of a URL's scheme, and the topology of their number
        fail(f"this cannot be the journal's URL: {error}", MISUSED)
    try:
        return await work(journal)
    finally:
        await journal.close()
