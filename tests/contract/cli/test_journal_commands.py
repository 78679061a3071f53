"""Commands that look into the journal, on a real server."""

import json
import os
import threading
import time

import msgspec
import pytest

from actors.cli.terminal import errors
from actors.shell import SETTINGS_VALUE
from router.config import dump_settings, load_settings_bytes
from router.ids import make_id
from router.journal.port import Finish, Intake
from router.keys import KeyRing
from router.model import MessageClass, State
from router.settings import Tenant


@pytest.fixture
def here(run, redis):
    """As ``run``, with the journal as that of the data folder's system."""
    run.state(journal_url=redis.url)
    return run


async def accept(journal, count=1):
    now_ms = time.time_ns() // 1_000_000
    items = [
        Intake(
            id=make_id(now_ms, n % 64, os.urandom(10)),
            tenant="shop",
            klass=MessageClass.OTP,
            body=b"body",
            expires_ms=now_ms + 60_000,
        )
        for n in range(count)
    ]
    await journal.accept(items)
    return items


async def finish(journal):
    epoch, _, _ = await journal.register("d", "i", 60)
    await journal.lease_partitions("d", epoch, range(64), 60)
    claimed, _ = await journal.claim("d", epoch, range(64), {MessageClass.OTP: 100})
    await journal.finish("", [Finish(item.id, State.FAILED, b"ended") for item in claimed])


async def settings(journal):
    return load_settings_bytes(await journal.get_value(SETTINGS_VALUE))


def test_an_empty_journal_is_sound(here):
    result = here("check")
    assert result.exit_code == 0, result.output
    assert "accepted 0 = live 0 + finished 0" in result.stdout
    assert "no faults" in result.stdout


def test_counts_by_place_and_state(here, redis):
    redis.do(lambda journal: accept(journal, 5))
    result = here("check")
    assert result.exit_code == 0, result.output
    rows = [line.split() for line in result.stdout.splitlines()]
    assert any(row[:2] == ["queue", "5"] for row in rows)
    assert any(row[-2:] == ["queued", "5"] for row in rows)
    assert "accepted 5 = live 5 + finished 0" in result.stdout
    told = json.loads(here("check", "--json", "--redis-url", redis.url).stdout)
    assert (told["counts"]["queue"], told["faults"]) == (5, [])


def test_a_message_that_stands_nowhere_is_a_fault(here, redis):
    redis.do(accept)

    async def lose(journal):
        for link in journal._topology.links:
            for key in await link.command("KEYS", "*:q:*"):
                await link.command("DEL", key)

    redis.do(lose)
    result = here("check")
    assert result.exit_code == 1
    assert "QUEUED" in result.stderr
    assert result.stdout.splitlines()[-1].split()[1].startswith("fault")
    assert json.loads(here("check", "--json").stdout)["faults"]


def test_waiting_until_nothing_is_live(here, redis, monkeypatch):
    redis.do(lambda journal: accept(journal, 3))
    ending = threading.Thread(target=lambda: redis.do(finish))
    show = errors.print

    def shown(*words, **options):
        show(*words, **options)
        if ending.ident is None:  # what is told first is that they are live
            ending.start()

    monkeypatch.setattr(errors, "print", shown)
    result = here("check", "--wait", "60")
    ending.join()
    assert result.exit_code == 0, result.output
    assert "3 live" in result.stderr
    assert "accepted 3 = live 0 + finished 3" in result.stdout


def test_waiting_in_vain(here, redis):
    redis.do(lambda journal: accept(journal, 2))
    result = here("check", "--wait", "0.05")
    assert result.exit_code == 1
    assert "2 messages still live after 0.05 s" in result.stderr
    assert here("check").exit_code == 0  # live and sound


def test_a_journal_that_does_not_answer(run, tmp_path):
    result = run("check", "--redis-url", f"unix://{tmp_path}/none.sock")
    assert (result.exit_code, "the journal does not answer" in result.stderr) == (1, True)


def test_a_key_is_in_force_at_once(here, redis):
    result = here("keys", "create", "shop", "--scope", "admin")
    assert result.exit_code == 0, result.output
    assert "in force now" in result.stdout
    keys = redis.do(settings).keys
    assert len(keys) == 3
    assert KeyRing(keys).find(f"Bearer {result.stdout.splitlines()[0]}").scopes == ("admin",)
    assert keys[2].id in here("keys", "list").stdout


def test_a_key_that_is_not_to_be_applied(here, redis):
    result = here("keys", "create", "shop", "--no-apply")
    assert (result.exit_code, "once these lines" in result.stdout) == (0, True)
    assert len(redis.do(settings).keys) == 2


def test_a_tenant_that_the_running_system_does_not_have(here, redis):
    result = here("keys", "create", "shp")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "did you mean 'shop'" in result.stderr
    assert len(redis.do(settings).keys) == 2


def test_nothing_else_of_the_settings_changes(here, redis):
    async def enlarge(journal):
        before = await settings(journal)
        more = (*before.tenants, Tenant(id="bank"))
        await journal.put_value(SETTINGS_VALUE, dump_settings(msgspec.structs.replace(before, tenants=more)))

    redis.do(enlarge)
    before = redis.do(settings)
    assert here("keys", "create", "bank").exit_code == 0
    after = redis.do(settings)
    assert msgspec.structs.replace(after, keys=before.keys) == before


def test_a_journal_without_settings(here, redis):
    async def forget(journal):
        for link in journal._topology.links:
            await link.command("FLUSHALL")

    redis.do(forget)
    result = here("keys", "create", "shop")
    assert (result.exit_code, "holds no settings" in result.stderr) == (1, True)
