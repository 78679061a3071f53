"""``trunkline upgrade``."""

import time
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any, Final, NamedTuple, TypeVar

from actors.cli import local
from actors.cli.run import progress
from actors.cli.system import Running, System, overview
from actors.cli.terminal import fail, say
from actors.cluster import NAMESPACE, connect
from actors.journal import RedisJournal
from actors.names import SUPERVISOR
from actors.release import CODE
from actors.shell import SETTINGS_VALUE
from actors.upgrade import END_LIMIT_S, ORDER, READY_LIMIT_S
from router.config import ConfigError, load_settings_bytes
from router.settings import Settings

T = TypeVar("T")

LOOK_S: Final = 0.2
ASK_S: Final = 5.0
SILENT_LIMIT_S: Final = 60.0  # a supervisor that does not tell how far it is for so long


class UpgradeFailed(Exception):
    """The sentence says what did not come to its end."""


class Step(NamedTuple):
    """Something has been done."""

    words: str


def upgrade(data_dir: local.DataDir = local.DEFAULT_DATA_DIR) -> None:
    """Restart every actor of the running system, one after the other, onto the code that is installed now; requests go on being accepted."""
    state = local.running(data_dir)
    if state is None:
        fail(f"nothing runs in {data_dir}")
    raw = local.with_journal(state.journal_url, _settings)
    if raw is None:
        fail("the journal knows no settings: nothing was changed")
    try:
        settings = load_settings_bytes(raw)
    except ConfigError as error:
        fail(
            "the code that is installed now cannot read the system's settings, so nothing was changed:\n"
            + "\n".join(error.problems)
        )
    connect(state.ray_address, data_dir.resolve())
    try:
        for step in roll(System(data_dir, progress), state, settings):
            say(step.words)
    except UpgradeFailed as error:
        fail(
            f"the upgrade has stopped: {error}\nWhat runs goes on running; `trunkline status` shows it, `trunkline upgrade` begins again."
        )


async def _settings(journal: RedisJournal) -> bytes | None:
    return await journal.get_value(SETTINGS_VALUE)


def roll(system: System, state: Running, settings: Settings) -> Iterator[Step]:
    """Upgrade a system; the caller is connected to its cluster. Raises ``UpgradeFailed``."""
    rows = overview()
    if not rows or (missing := [row["name"] for row in rows if not row.get("ready")]):
        raise UpgradeFailed(f"not ready are {', '.join(missing) if rows else 'any actors'}; nothing was changed")
    for kind in (*ORDER, "supervisor"):
        try:
            import_module(f"actors.leaves.{kind}")
        except Exception as error:
            raise UpgradeFailed(f"the code of {kind} cannot be imported ({error}); nothing was changed") from error
    began_s = time.monotonic()
    pid = _replace_supervisor(system, state, settings)
    yield Step(f"supervisor: started anew, process {pid}, {time.monotonic() - began_s:.1f} s")
    yield from _follow()


def _replace_supervisor(system: System, state: Running, settings: Settings) -> int:
    import ray

    def gone() -> bool:
        try:
            ray.get_actor(SUPERVISOR, NAMESPACE)
        except ValueError:
            return True
        return False

    def ready() -> dict[str, Any] | None:
        try:
            told = dict(_ask("ping"))
        except (ValueError, ray.exceptions.RayError):
            return None
        return told if told["ready"] else None

    ray.kill(ray.get_actor(SUPERVISOR, NAMESPACE), no_restart=True)
    _until(gone, END_LIMIT_S, "the old supervisor did not end")
    system.start_supervisor(state, settings)
    told = _until(ready, READY_LIMIT_S, "the new supervisor did not become ready")
    if told["code"] != CODE:
        raise UpgradeFailed(f"the supervisor runs other code ({told['code']}) than is installed here ({CODE})")
    return int(told["pid"])


def _ask(method: str) -> Any:
    import ray

    supervisor = ray.get_actor(SUPERVISOR, NAMESPACE)
    return ray.get(getattr(supervisor, method).remote(), timeout=ASK_S)


def _until(look: Callable[[], T | None], limit_s: float, what: str) -> T:
    deadline_s = time.monotonic() + limit_s
    while not (value := look()):
        if time.monotonic() > deadline_s:
            raise UpgradeFailed(f"{what} within the limit of {limit_s:.0f} s")
        time.sleep(LOOK_S)
    return value


def _follow() -> Iterator[Step]:
    """Have the supervisor restart the others, and tell of each."""
    import ray

    _ask("upgrade")
    told = 0
    heard_s = time.monotonic()
    while True:
        try:
            lines, over, failed = _ask("progress")
            heard_s = time.monotonic()
        except (ValueError, ray.exceptions.RayError) as error:
            if time.monotonic() - heard_s > SILENT_LIMIT_S:
                raise UpgradeFailed(f"the supervisor did not answer within the limit of {SILENT_LIMIT_S:.0f} s") from error
            lines, over, failed = [], False, ""
        for line in lines[told:]:
            yield Step(line)
        told = max(told, len(lines))
        if failed:
            raise UpgradeFailed(failed)
        if over:
            return
        time.sleep(LOOK_S)
