"""What the commands say when they are used wrongly: one sentence on standard error, and exit code 2."""

import json
import tomllib

import pytest

from actors.cli.api_client import base_url
from actors.cli.keys import as_toml
from router.keys import KeyRing, hash_key, make_key
from router.settings import Key

ID = "01K8ZQ4R3V7J9M2T5X8B1C4D6F"
CONFIG = '[[tenants]]\nid = "shop"\n\n[[tenants]]\nid = "bank"\n'


def refused(result, *told, code=2):
    assert result.exit_code == code, result.output
    assert result.stdout == ""
    for words in told:
        assert words in result.stderr


@pytest.mark.parametrize("words", [["send", "+447700900123", "hi"], ["watch", ID], ["carriers"], ["board"], ["check"]])
def test_nothing_runs(run, words):
    refused(run(*words), "nothing runs in", "trunkline up")


def test_nothing_runs_for_keys_and_webhooks(run):
    refused(run("webhooks", "dead"), "nothing runs in")
    refused(run("keys", "list"), "nothing runs in")
    refused(run("keys", "create", "shop", "--apply"), "nothing runs in", code=1)


def test_a_key_is_needed(run):
    refused(run("carriers", "--url", "http://127.0.0.1:1"), "no API key", "TRUNKLINE_KEY")
    refused(run("carriers", "--url", "http://127.0.0.1:1", "--key", "tl_\né"), "characters that no key has")


@pytest.mark.parametrize(
    "url", ["127.0.0.1:8080", "ftp://a", "http://", "http://a:b", "http://a:99999", "http://a:0", "http://["]
)
def test_a_url_that_is_none(run, url):
    refused(run("carriers", "--url", url, "--key", "k"), "is no URL")
    with pytest.raises(ValueError, match="is no URL"):
        base_url(url)


def test_what_is_no_id_is_not_asked_for(run):
    refused(run("watch", "../carriers", "--url", "http://127.0.0.1:1", "--key", "k"), "is no message's id")


def test_words_that_are_none_of_the_choices(run):
    refused(run("send", "+447700900123", "hi", "--class", "urgent"), "urgent")
    refused(run("keys", "create", "shop", "--scope", "root"), "root")
    refused(run("watch", ID, "--timeout", "-1"), "timeout")
    refused(run("webhooks", "dead", "--limit", "0"), "limit")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"api_url": 7}'])
def test_a_state_file_that_cannot_be_read(run, tmp_path, text):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "system.json").write_text(text)
    refused(run("carriers"), "system.json cannot be read")


def test_a_journal_url_that_is_none(run):
    refused(run("check", "--redis-url", "http://127.0.0.1:1"), "journal's URL")


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "trunkline.toml"
    path.write_text(CONFIG)
    return path


def test_a_key_is_made_and_can_be_configured(run, config):
    result = run("keys", "create", "shop", "--scope", "send", "--scope", "admin", "--scope", "send", "--config", str(config))
    assert result.exit_code == 0
    plaintext = result.stdout.splitlines()[0]
    block = result.stdout[result.stdout.index("[[keys]]") : result.stdout.index("It is in force once")]
    (record,) = tomllib.loads(block)["keys"]
    assert record["sha256"] == hash_key(plaintext)
    assert record["scopes"] == ["send", "admin"]
    key = Key(**record | {"scopes": tuple(record["scopes"])})
    assert KeyRing([key]).find(f"Bearer {plaintext}") == key
    assert result.stdout.count(plaintext) == 1
    config.write_text(CONFIG + block)
    listed = run("keys", "list", "--config", str(config))
    assert (listed.exit_code, f"tl_{key.id}_…" in listed.stdout) == (0, True)
    machine = run("keys", "list", "--json", "--config", str(config))
    assert json.loads(machine.stdout) == [{"id": key.id, "tenant": "shop", "scopes": ["send", "admin"]}]


def test_no_two_keys_are_the_same(run):
    first, second = (run("keys", "create", "shop").stdout.splitlines()[0] for _ in range(2))
    assert first != second


def test_a_tenant_the_configuration_does_not_have(run, config):
    refused(run("keys", "create", "shp", "--config", str(config)), "no tenant 'shp'", "did you mean 'shop'")
    refused(run("keys", "create", "zzzzzz", "--config", str(config)), "it has bank, shop")
    refused(run("keys", "create", "No Tenant"), "cannot be a tenant")


def test_a_configuration_that_cannot_be_read(run, tmp_path, config):
    refused(run("keys", "list", "--config", str(tmp_path / "none.toml")), "cannot be read: No such file")
    config.write_text("[[tenants]]\nname = 1\n")
    refused(run("keys", "list", "--config", str(config)), "line")
    config.write_bytes(b"\xff")
    refused(run("keys", "list", "--config", str(config)), "cannot be read")


def test_no_keys(run, config):
    assert run("keys", "list", "--config", str(config)).stdout == "there are no keys\n"


def test_a_key_as_toml_is_what_it_was():
    _, key = make_key(bytes(38), "shop", ("read",))
    (shown,) = tomllib.loads(as_toml(key))["keys"]
    assert Key(**shown | {"scopes": tuple(shown["scopes"])}) == key
