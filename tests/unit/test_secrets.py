"""Secrets are in no repr: every structure of ours with a field that may hold one is made with one, and printed in every way there is."""

import ast
import dataclasses
import importlib
import io
import pkgutil
import re
from pathlib import Path

import msgspec
import pytest
from rich.console import Console
from rich.pretty import Pretty

import carriers
import router
import sims
from actors.cli.system import Running
from actors.shell import JournalAddress
from router.journal.port import Record
from router.keys import make_key
from router.message import decode_message
from router.model import State
from router.present import view
from router.record import Body, Client
from router.rule_settings import Portability
from router.settings import CarrierProfile, JournalSettings, Settings, SmppAccount, Tenant, Webhook

CANARY = "canary-4711"
SECRET = re.compile(r"^(.*_)?(password|passwords|secret|secrets|token|sha256|plaintext|authorization|headers|key)$")
# Names that mean something else there: an opaque mark of the caller's, the path of a file, an Idempotency-Key.
HARMLESS = {
    ("Delivery", "token"),
    ("Outcome", "token"),
    ("SmppServer", "tls_key"),
    ("SmscOptions", "tls_key"),
    ("Accepted", "key"),
    ("Order", "key"),
    ("Plan", "secrets"),  # drawn from the number of a seed
}


def modules():
    for package in (router, carriers, sims):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not found.name.endswith("__main__"):
                yield importlib.import_module(found.name)


def fields_of(one):
    if issubclass(one, msgspec.Struct):
        return one.__struct_fields__
    if dataclasses.is_dataclass(one):
        return tuple(field.name for field in dataclasses.fields(one))
    return getattr(one, "_fields", ())


def structures():
    found = set()
    for module in modules():
        for one in vars(module).values():
            if isinstance(one, type) and one.__module__ == module.__name__ and fields_of(one):
                found.add(one)
    found |= {Running, JournalAddress}
    return sorted(found, key=lambda one: (one.__module__, one.__name__))


def made(one, secret):
    """An instance whose secret fields hold the canary, whatever its constructor would say of that."""
    values = {name: CANARY if name in secret else "x" for name in fields_of(one)}
    if issubclass(one, tuple):
        return tuple.__new__(one, values.values())
    if issubclass(one, msgspec.Struct):
        return one(**values)
    blank = object.__new__(one)
    for name, value in values.items():
        object.__setattr__(blank, name, value)
    return blank


def printed(value):
    console = Console(file=io.StringIO(), width=10_000)
    console.print(Pretty(value))
    return "\n".join([repr(value), str(value), f"{value}", f"{[value]}", console.file.getvalue()])


CASES = [
    (one, secret)
    for one in structures()
    if (secret := {name for name in fields_of(one) if SECRET.match(name) and (one.__name__, name) not in HARMLESS})
]


def test_the_walk_finds_what_it_should():
    assert {one.__name__ for one, _ in CASES} >= {
        "CarrierProfile",
        "Webhook",
        "SmppAccount",
        "Key",
        "Bind",
        "Running",
        "LoadOptions",
    }


@pytest.mark.parametrize(("one", "secret"), CASES, ids=[one.__name__ for one, _ in CASES])
def test_no_structure_prints_a_secret(one, secret):
    assert CANARY not in printed(made(one, secret))


def test_settings_print_none_of_their_secrets():
    plaintext, record = make_key(bytes(38), "acme")
    settings = Settings(
        carriers=(CarrierProfile(name="one", addresses=("a:1",), system_id="x", password=CANARY),),
        tenants=(Tenant(id="acme", webhook=Webhook(url=f"https://x.example/{CANARY}", secrets=(f"whsec_{CANARY}",))),),
        keys=(record,),
        accounts=(SmppAccount(system_id="gw", tenant="acme", password=f"scrypt$1$1$1$aa${CANARY}"),),
        journal=JournalSettings(url=f"redis://:{CANARY}@host/0"),
        portability=Portability(url=f"https://x.example/?key={CANARY}", headers={"authorization": CANARY}),
    )
    words = printed(settings)
    assert CANARY not in words
    assert record.sha256 not in words
    assert plaintext[12:] not in words
    assert "system_id='x'" in words
    assert CANARY not in printed(JournalAddress(f"redis://:{CANARY}@host/0"))


def test_messages_print_neither_text_nor_numbers():
    client = Client(
        account="gw",
        message_id="1",
        source=CANARY,
        source_ton=1,
        source_npi=1,
        destination=CANARY,
        destination_ton=1,
        destination_npi=1,
        asked=(),
    )
    body = Body(
        tenant="acme",
        to=CANARY,
        sender=CANARY,
        text=CANARY,
        klass=0,
        created_ms=1,
        expires_ms=2,
        encoding="gsm7",
        segments=1,
        country="GB",
        network="GB",
        metadata={"a": CANARY},
        webhook_url=CANARY,
        client_ref=CANARY,
        client=client,
    )
    message = decode_message(b'{"to":"+1","text":"%s","from":"%s"}' % (CANARY.encode(), CANARY.encode()))
    shown = view(Record(bytes(16), State.QUEUED, 0, b"x", b""), body)
    for one in (body, message, shown):
        assert CANARY not in printed(one)
    assert "tenant='acme'" in printed(body)


PRIVATE = {"body", "to", "number", "sender", "password", "secret", "secrets", "key", "keys", "token", "url", "settings"}


def test_no_repr_of_an_actor_looks_at_what_is_private():
    """Ray shows an actor by its repr, in its dashboard and before each line of its log."""
    seen = 0
    for path in sorted(Path(__file__).parents[2].joinpath("actors").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and node.name == "__repr__":
                seen += 1
                names = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
                names |= {one.attr.strip("_") for one in ast.walk(node) if isinstance(one, ast.Attribute)}
                assert not names & PRIVATE, path
    assert seen >= 8
