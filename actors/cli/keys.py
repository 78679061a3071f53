"""``trunkline keys``: make API keys, and show which there are."""

import os
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from actors.cli import local
from actors.cli.terminal import FAILED, MISUSED, fail, say, say_json, show, table
from actors.journal import RedisJournal
from actors.shell import SETTINGS_VALUE
from router.config import ConfigError, dump_settings, load_settings_bytes, parse_settings
from router.config_shape import near
from router.keys import ENTROPY_OCTETS, make_key
from router.settings import Key, Settings

app = typer.Typer(no_args_is_help=True, help="API keys: who may send, read and manage.")


class Scope(StrEnum):
    """What a key may do: the words of ``router.settings.Key``, as typer takes a list of choices."""

    SEND = "send"
    READ = "read"
    ADMIN = "admin"


DEFAULT_SCOPES: Final = (Scope.SEND, Scope.READ)
ADD_TRIES: Final = 5  # another writer of the settings at the very same moment is rare; five times in a row is none of those

Config = Annotated[Path | None, typer.Option("--config", help="The TOML file.")]


@app.command()
def create(
    tenant: Annotated[str, typer.Argument(metavar="TENANT", help="Whose key it is.")],
    scope: Annotated[list[Scope] | None, typer.Option(help="What it may do; by default send and read.")] = None,
    config: Config = None,
    apply: Annotated[
        bool | None, typer.Option("--apply/--no-apply", help="Put it in force at once; by default when a system runs.")
    ] = None,
    data_dir: local.DataDir = local.DEFAULT_DATA_DIR,
) -> None:
    """Make an API key and print it, once, with the lines for the configuration."""
    if config is not None:
        refuse_stranger(tenant, read_file(config), str(config))
    state = local.running(data_dir) if apply is not False else None
    if apply and state is None:
        fail(f"nothing runs in {data_dir}: there is no system to put the key in force in")
    plaintext, record = make_key(
        os.urandom(ENTROPY_OCTETS), tenant, tuple(dict.fromkeys(one.value for one in scope or DEFAULT_SCOPES))
    )
    try:
        msgspec.convert(msgspec.to_builtins(record), Key)
    except msgspec.ValidationError:
        fail(f"{tenant!r} cannot be a tenant: its id has 1 to 32 small letters, digits, - or _", MISUSED)
    if state is not None:
        local.with_journal(state.journal_url, lambda journal: add(journal, record))
    say(plaintext)
    say("")
    say("This is shown once. What the configuration keeps of it:")
    say("")
    say(as_toml(record))
    if state is not None:
        say("It is in force now. Put the lines above into the configuration too: the next `trunkline up` reads that one.")
    else:
        say("It is in force once these lines are in the configuration and `trunkline up` has read it.")


@app.command("list")
def list_keys(config: Config = None, json: local.Json = False, data_dir: local.DataDir = local.DEFAULT_DATA_DIR) -> None:
    """Show the keys in force, or those of a configuration file; never the keys themselves."""
    if config is not None:
        settings = read_file(config)
    else:
        state = local.running(data_dir)
        if state is None:
            fail(f"nothing runs in {data_dir}: start it with `trunkline up`, or give --config", MISUSED)
        settings = local.with_journal(state.journal_url, in_force)
    rows = [(key.id, key.tenant, " ".join(key.scopes)) for key in sorted(settings.keys, key=lambda key: (key.tenant, key.id))]
    if json:
        say_json([{"id": key_id, "tenant": tenant, "scopes": scopes.split()} for key_id, tenant, scopes in rows])
    elif rows:
        show(table(("key", "tenant", "scopes"), ((f"tl_{key_id}_…", *rest) for key_id, *rest in rows)))
    else:
        say("there are no keys")


def read_file(config: Path) -> Settings:
    """A file's settings, without fetching passwords from the environment; ends the command with one line a problem."""
    try:
        return parse_settings(config.read_text("utf-8"), source=str(config))
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{config} cannot be read: {getattr(error, 'strerror', None) or error}", MISUSED)
    except ConfigError as error:
        fail("\n".join(error.problems), MISUSED)


async def in_force(journal: RedisJournal) -> Settings:
    """The running system's settings; ends the command when there are none that can be read."""
    raw = await journal.get_value(SETTINGS_VALUE)
    if raw is None:
        fail("the journal holds no settings: the system was never started with it", FAILED)
    try:
        return load_settings_bytes(raw)
    except ConfigError as error:
        fail("\n".join(error.problems), FAILED)


async def add(journal: RedisJournal, record: Key) -> None:
    """Add a key to the settings in force; every actor reads them again.

    Settings are written as a whole, hence looked at again: of two writers at the same moment the first would lose its change.
    """
    for _ in range(ADD_TRIES):
        settings = await in_force(journal)
        if record in settings.keys:
            return
        refuse_stranger(record.tenant, settings, "the running system")
        await journal.put_value(SETTINGS_VALUE, dump_settings(msgspec.structs.replace(settings, keys=(*settings.keys, record))))
    if record not in (await in_force(journal)).keys:
        fail("somebody else keeps changing the settings: try again", FAILED)


def refuse_stranger(tenant: str, settings: Settings, where: str) -> None:
    """End the command when the settings have no such tenant."""
    known = [one.id for one in settings.tenants]
    if tenant not in known:
        fail(f"{where} has no tenant {tenant!r}{near(tenant, known) or _among(known)}", MISUSED)


def _among(known: Iterable[str]) -> str:
    names = sorted(known)
    return f"; it has {', '.join(names[:10])}{' …' if len(names) > 10 else ''}" if names else "; it has none"


def as_toml(record: Key) -> str:
    """The table that a configuration keeps of a key. None of its characters needs escaping: ``Key`` has patterns for them."""
    scopes = ", ".join(f'"{scope}"' for scope in record.scopes)
    return f'[[keys]]\nid = "{record.id}"\ntenant = "{record.tenant}"\nsha256 = "{record.sha256}"\nscopes = [{scopes}]\n'
