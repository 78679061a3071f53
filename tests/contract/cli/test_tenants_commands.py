"""``trunkline tenants``: over real files of keys, and a real journal that the running system would hear of it by."""

import json
import time

import pytest

from actors.cli.system import KEYS_FOLDER
from actors.journal.keyring import MASTER_VARIABLE, Keyring
from actors.journal.vault import Vault
from actors.shell import KEYS_VALUE
from router.ids import make_id
from router.record import ERASED

ID = make_id(1_768_469_400_000, 7, bytes(10))


@pytest.fixture
def ring(tmp_path, monkeypatch):
    monkeypatch.delenv(MASTER_VARIABLE, raising=False)
    made = Keyring(tmp_path / KEYS_FOLDER)
    made.ensure(["acme", "globex"], time.time_ns() // 1_000_000)
    return made


def states(run):
    return sorted((row["tenant"], row["state"].split()[0]) for row in json.loads(run("tenants", "list", "--json").stdout))


def test_keys_are_shown_and_not_told(run, ring):
    assert states(run) == [("(digests)", "in"), ("(the system)", "in"), ("acme", "in"), ("globex", "in")]
    shown = run("tenants", "list").stdout
    assert all(one.id.hex() in shown and one.wrapped.hex() not in shown for one in ring.read().entries)


def test_erasing_destroys_the_tenants_keys_and_tells_the_running_system(run, ring, redis):
    run.state(journal_url=redis.url)
    vault = Vault(ring)
    mine, others = vault.seal("acme", ID, b"\x90mine"), vault.seal("globex", ID, b"\x90others")
    assert run("tenants", "erase", "acme").exit_code != 0, "it asks, and nobody has said yes"
    assert Vault(ring).open(ID, mine) == b"\x90mine"
    done = run("tenants", "erase", "acme", "--yes")
    assert done.exit_code == 0
    assert "destroyed" in done.stdout
    vault.refresh()
    assert (vault.open(ID, mine), vault.open(ID, others)) == (ERASED, b"\x90others")
    assert states(run) == [
        ("(digests)", "in"),
        ("(the system)", "destroyed"),
        ("(the system)", "in"),
        ("acme", "destroyed"),
        ("globex", "in"),
    ]
    assert redis.do(lambda journal: journal.get_value(KEYS_VALUE)) == ring.read().ring


@pytest.mark.parametrize(
    "words", [("erase", "nobody", "--yes"), ("renew", "nobody"), ("erase", "*", "--yes"), ("renew", "*"), ("erase", "", "--yes")]
)
def test_a_tenant_without_keys_is_told(run, ring, words):
    assert run("tenants", *words).exit_code == 2


def test_a_folder_without_keys_is_told(run):
    assert run("tenants", "list").exit_code == 2


def test_keys_are_renewed_and_wrapped_anew(run, ring, monkeypatch):
    before = Vault(ring).seal("acme", ID, b"\x90mine")
    assert run("tenants", "renew", "acme").exit_code == 0
    vault = Vault(ring)
    assert vault.seal("acme", ID, b"\x90mine")[1:5] != before[1:5]
    assert vault.open(ID, before) == b"\x90mine"
    old = (ring.folder / "master.key").read_text()
    monkeypatch.setenv(MASTER_VARIABLE, f"{'ab' * 32},{old}")
    assert "5 keys" in run("tenants", "rewrap").stdout
    monkeypatch.setenv(MASTER_VARIABLE, "ab" * 32)
    assert Vault(Keyring(ring.folder)).open(ID, before) == b"\x90mine"
