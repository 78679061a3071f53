"""The settings as commands see and change them: those of a file, and those in force in a running system."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from actors.cli.terminal import FAILED, MISUSED, fail
from actors.journal import RedisJournal
from actors.shell import SETTINGS_VALUE
from router.config import ConfigError, dump_settings, load_settings_bytes, parse_settings
from router.config_shape import near
from router.settings import Settings

TRIES: Final = 5  # another writer of the settings at the very same moment is rare; five times in a row is none of those


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


async def alter(journal: RedisJournal, change: Callable[[Settings], Settings], done: Callable[[Settings], bool]) -> None:
    """Change the settings in force; every actor reads them again. ``done`` tells whether settings hold the change.

    Settings are written as a whole, hence looked at again: of two writers at the same moment the first would lose its change.
    """
    for _ in range(TRIES):
        settings = await in_force(journal)
        if done(settings):
            return
        journal.confirm(settings.journal.replicas, settings.journal.confirm_timeout_s)
        await journal.put_value(SETTINGS_VALUE, dump_settings(change(settings)), confirmed=True)
    if not done(await in_force(journal)):
        fail("somebody else keeps changing the settings: try again", FAILED)


def refuse_stranger(tenant: str, settings: Settings, where: str) -> None:
    """End the command when the settings have no such tenant."""
    known = [one.id for one in settings.tenants]
    if tenant not in known:
        fail(f"{where} has no tenant {tenant!r}{near(tenant, known) or _among(known)}", MISUSED)


def _among(known: Iterable[str]) -> str:
    names = sorted(known)
    return f"; it has {', '.join(names[:10])}{' …' if len(names) > 10 else ''}" if names else "; it has none"
