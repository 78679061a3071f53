"""``trunkline accounts``: SMPP accounts, with which customers' gateways bind."""

import os
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from actors.cli import local
from actors.cli.settings_now import alter, in_force, read_file, refuse_stranger
from actors.cli.terminal import FAILED, MISUSED, fail, say, say_json, show, table
from actors.journal import RedisJournal
from router.passwords import ENTROPY_OCTETS, SALT_OCTETS, hash_password, make_password
from router.settings import Settings, SmppAccount

app = typer.Typer(no_args_is_help=True, help="SMPP accounts: how customers' gateways bind.")

Config = Annotated[Path | None, typer.Option("--config", help="The TOML file.")]


@app.command()
def create(
    system_id: Annotated[
        str, typer.Argument(metavar="SYSTEM_ID", help="How the gateway introduces itself, up to 15 characters.")
    ],
    tenant: Annotated[str, typer.Argument(metavar="TENANT", help="Whose messages these are.")],
    config: Config = None,
    apply: Annotated[
        bool | None, typer.Option("--apply/--no-apply", help="Put it in force at once; by default when a system runs.")
    ] = None,
    data_dir: local.DataDir = local.DEFAULT_DATA_DIR,
) -> None:
    """Make an SMPP account and print its password, once, with the lines for the configuration."""
    if config is not None:
        refuse_stranger(tenant, read_file(config), str(config))
    state = local.running(data_dir) if apply is not False else None
    if apply and state is None:
        fail(f"nothing runs in {data_dir}: there is no system to put the account in force in")
    password, account = make_account(system_id, tenant)
    if state is not None:
        local.with_journal(state.journal_url, lambda journal: add(journal, account))
    say(password)
    say("")
    say("This is shown once. What the configuration keeps of it:")
    say("")
    say(as_toml(account))
    if state is not None:
        say(f"It is in force now: gateways bind at {state.smpp_address}.")
        say("Put the lines above into the configuration too: the next `trunkline up` reads that one.")
    else:
        say("It is in force once these lines are in the configuration and `trunkline up` has read it.")


@app.command("list")
def list_accounts(config: Config = None, json: local.Json = False, data_dir: local.DataDir = local.DEFAULT_DATA_DIR) -> None:
    """Show the accounts in force, or those of a configuration file."""
    if config is not None:
        settings = read_file(config)
    else:
        state = local.running(data_dir)
        if state is None:
            fail(f"nothing runs in {data_dir}: start it with `trunkline up`, or give --config", MISUSED)
        settings = local.with_journal(state.journal_url, in_force)
    accounts = sorted(settings.accounts, key=lambda account: (account.tenant, account.system_id))
    rows = [(one.system_id, one.tenant, one.klass, "yes" if one.enabled else "no", str(one.max_binds)) for one in accounts]
    heads = ("system_id", "tenant", "class", "enabled", "max_binds")
    if json:
        say_json([dict(zip(heads, row, strict=True)) | {"enabled": row[3] == "yes", "max_binds": int(row[4])} for row in rows])
    elif rows:
        show(table(heads, rows))
    else:
        say("there are no SMPP accounts")


def make_account(system_id: str, tenant: str) -> tuple[str, SmppAccount]:
    """A password and the account that it opens; ends the command for names that cannot be."""
    password = make_password(os.urandom(ENTROPY_OCTETS))
    account = SmppAccount(system_id=system_id, tenant=tenant, password=hash_password(password, os.urandom(SALT_OCTETS)))
    try:
        msgspec.convert(msgspec.to_builtins(account), SmppAccount)
    except msgspec.ValidationError:
        fail(f"{system_id!r} cannot be a system_id, which has 1 to 15 characters of ASCII, or {tenant!r} no tenant", MISUSED)
    return password, account


async def add(journal: RedisJournal, account: SmppAccount) -> None:
    """Add an account to the settings in force."""

    def with_account(settings: Settings) -> Settings:
        refuse_stranger(account.tenant, settings, "the running system")
        if any(one.system_id == account.system_id for one in settings.accounts):
            fail(f"the running system has an account {account.system_id!r} already", FAILED)
        return msgspec.structs.replace(settings, accounts=(*settings.accounts, account))

    await alter(journal, with_account, lambda settings: account in settings.accounts)


def as_toml(account: SmppAccount) -> str:
    """The table that a configuration keeps of an account."""
    name = account.system_id.replace("\\", "\\\\").replace('"', '\\"')
    return f'[[accounts]]\nsystem_id = "{name}"\ntenant = "{account.tenant}"\npassword = "{account.password}"\n'
