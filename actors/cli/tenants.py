"""``trunkline tenants``: the keys that tenants' texts and numbers are encrypted with, and their end."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from actors import machine
from actors.cli import local
from actors.cli.system import KEYS_FOLDER
from actors.cli.terminal import MISUSED, fail, say, say_json, show, table
from actors.journal import RedisJournal
from actors.journal.keyring import DIGESTS, SYSTEM, File, Keyring, KeysUnusable
from actors.shell import KEYS_VALUE

app = typer.Typer(no_args_is_help=True, help="Tenants' keys: what their texts and numbers are encrypted with.")

OWN: Final = {SYSTEM: "(the system)", DIGESTS: "(digests)"}  # keys that are no tenant's

KeysDir = Annotated[
    Path | None,
    typer.Option(
        "--keys-dir", help="Where the keys are; by default where the running system has them, or keys in the data folder."
    ),
]


@app.command("list")
def list_tenants(json: local.Json = False, keys_dir: KeysDir = None, data_dir: local.DataDir = local.DEFAULT_DATA_DIR) -> None:
    """Show which keys there are and were; never the keys themselves."""
    ring = _ring(data_dir, keys_dir)
    rows = [
        (one.id.hex(), OWN.get(one.tenant, one.tenant), _day(one.made_ms), _state(one.wrapped, one.ends_ms))
        for one in _read(ring).entries
    ]
    heads = ("key", "tenant", "made", "state")
    if json:
        say_json([dict(zip(heads, row, strict=True)) for row in rows])
    else:
        show(table(heads, rows))


@app.command()
def erase(
    tenant: Annotated[str, typer.Argument(metavar="TENANT", help="Whose texts and numbers are to be erased.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    keys_dir: KeysDir = None,
    data_dir: local.DataDir = local.DEFAULT_DATA_DIR,
) -> None:
    """Destroy a tenant's keys: its texts and numbers can be read by nobody any more, in the journal, its log and its backups."""
    ring = _ring(data_dir, keys_dir)
    if tenant in OWN or not any(one.tenant == tenant and one.wrapped for one in _read(ring).entries):
        fail(f"{tenant!r} has no key here: there is nothing to erase", MISUSED)
    if not yes and not typer.confirm(
        f"Destroy the keys of {tenant}? Its messages that wait will not be sent, and nothing brings them back"
    ):
        fail("nothing was changed")
    try:
        destroyed = ring.erase(tenant, machine.now_ms())
    except (KeysUnusable, OSError) as error:
        fail(str(error))
    _tell(data_dir, ring)
    say(f"{destroyed} key{'s' if destroyed > 1 else ''} of {tenant} destroyed.")
    say(f"Copies of {ring.folder} from before still open copies of the journal from before: destroy those copies too.")


@app.command()
def renew(
    tenant: Annotated[str, typer.Argument(metavar="TENANT", help="Whose key is to be replaced.")],
    keys_dir: KeysDir = None,
    data_dir: local.DataDir = local.DEFAULT_DATA_DIR,
) -> None:
    """Make a new key for what comes from now on; what was written before is read with the old one."""
    ring = _ring(data_dir, keys_dir)
    if tenant in OWN or not any(one.tenant == tenant for one in _read(ring).entries):
        fail(f"{tenant!r} has no key here", MISUSED)
    try:
        made = ring.renew(tenant, machine.now_ms())
    except (KeysUnusable, OSError) as error:
        fail(str(error))
    _tell(data_dir, ring)
    say(f"{tenant} has the key {made.id.hex()} now.")


@app.command()
def rewrap(keys_dir: KeysDir = None, data_dir: local.DataDir = local.DEFAULT_DATA_DIR) -> None:
    """Wrap all keys under the newest master key: the first of TRUNKLINE_MASTER_KEY, or of the file master.key."""
    ring = _ring(data_dir, keys_dir)
    try:
        say(f"{ring.rewrap()} keys wrapped")
    except (KeysUnusable, OSError) as error:
        fail(str(error))


def _ring(data_dir: Path, keys_dir: Path | None) -> Keyring:
    if keys_dir is None:
        state = local.running(data_dir)
        keys_dir = Path(state.keys_dir) if state is not None and state.keys_dir else data_dir / KEYS_FOLDER
    return Keyring(keys_dir)


def _read(ring: Keyring) -> File:
    try:
        found = ring.read()
    except KeysUnusable as error:
        fail(str(error))
    if found is None:
        fail(f"there are no keys in {ring.folder}", MISUSED)
    return found


def _tell(data_dir: Path, ring: Keyring) -> None:
    """Have the running actors read the keys at once; they look by themselves every ten seconds."""
    state = local.running(data_dir)
    file = ring.read()
    if state is None or file is None:
        return

    async def put(journal: RedisJournal) -> None:
        await journal.put_value(KEYS_VALUE, file.ring)

    local.with_journal(state.journal_url, put)


def _state(wrapped: bytes, ends_ms: int) -> str:
    if not wrapped:
        return f"destroyed {_day(ends_ms)}"
    return f"destroyed at {_day(ends_ms)}" if ends_ms else "in force"


def _day(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
