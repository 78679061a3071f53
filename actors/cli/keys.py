"""``trunkline keys``: make API keys, and show which there are."""

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from actors.cli import local
from actors.cli.settings_now import alter, in_force, read_file, refuse_stranger
from actors.cli.terminal import MISUSED, fail, say, say_json, show, table
from actors.journal import RedisJournal
from router.keys import ENTROPY_OCTETS, make_key
from router.settings import Key, Settings

app = typer.Typer(no_args_is_help=True, help="API keys: who may send, read and manage.")


class Scope(StrEnum):
    """What a key may do: the words of ``router.settings.Key``, as typer takes a list of choices."""

    SEND = "send"
    READ = "read"
    ADMIN = "admin"


DEFAULT_SCOPES: Final = (Scope.SEND, Scope.READ)

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


async def add(journal: RedisJournal, record: Key) -> None:
    """Add a key to the settings in force; every actor reads them again."""

    def with_key(settings: Settings) -> Settings:
        refuse_stranger(record.tenant, settings, "the running system")
        return msgspec.structs.replace(settings, keys=(*settings.keys, record))

    await alter(journal, with_key, lambda settings: record in settings.keys)


def as_toml(record: Key) -> str:
    """The table that a configuration keeps of a key. None of its characters needs escaping: ``Key`` has patterns for them."""
    scopes = ", ".join(f'"{scope}"' for scope in record.scopes)
    return f'[[keys]]\nid = "{record.id}"\ntenant = "{record.tenant}"\nsha256 = "{record.sha256}"\nscopes = [{scopes}]\n'
