"""What lies on disk and what is shown of the running system: neither texts nor numbers nor secrets, by whichever way they came in."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cluster_around import SECRET, SMPP_PASSWORD, until
from cluster_customer import Customer

from actors.cli.system import load_state
from actors.cluster import token_file
from carriers.smpp import commands as c
from router.text.segments import split

if TYPE_CHECKING:
    from tests.cluster.world import World

pytestmark = pytest.mark.timeout(300)

CANARY = "canaryatrest"


def number(world: "World") -> str:
    world.numbers += 1
    return f"+49151{20_000_000 + world.numbers}"


def bound(world: "World") -> Customer:
    def try_it() -> Customer | None:
        try:
            found = Customer(world.smpp, "hooked-gw", SMPP_PASSWORD)
        except OSError:
            return None
        return found if found.bound == c.ROK else None

    found = until(try_it, "a bind", within_s=30)
    assert found is not None
    return found


def written(world: "World", since_s: float) -> Iterator[Path]:
    """Files of the journal, of the data folder, and what Ray's processes have logged since."""
    sessions = Path(f"/tmp/trunkline-ray-{os.getuid()}")  # noqa: S108 (where ``actors.cluster`` has them)
    for folder in (world.data_dir, sessions):
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink() and path.stat().st_mtime >= since_s - 1:
                yield path


def dashboard(world: "World", path: str) -> bytes:
    state = load_state(world.data_dir)
    assert state is not None
    headers = {"Authorization": f"Bearer {token_file(world.data_dir).read_text()}"}
    with urllib.request.urlopen(urllib.request.Request(state.dashboard_url + path, headers=headers), timeout=30) as answer:  # noqa: S310 (loopback)
        return bytes(answer.read())


def tenants(world: "World", *words: str) -> str:
    command = [sys.executable, "-m", "actors.cli.main", "tenants", *words, "--data-dir", str(world.data_dir)]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


def test_neither_disk_nor_dashboard_tells_texts_numbers_or_secrets_and_erasing_ends_them(world: "World") -> None:
    since_s = time.time()
    to, by_smpp, handset = number(world), number(world), "447700900777"
    long = f"{CANARY} in parts. " * 20
    with bound(world) as gateway:
        sent = world.send(to, f"{CANARY} by REST", tenant="hooked", metadata={"note": CANARY}, **{"class": "otp"})
        for part in split(long, "gsm7", 33).parts:
            assert gateway.submit(by_smpp, part, esm_class=0x43, registered_delivery=1).status == c.ROK
        next(iter(world.sims.values())).mo(handset, "88333", f"YES {CANARY} " + "and more " * 30, long=True)
        gateway.until(lambda: gateway.messages, "the message from the handset", 60)
        gateway.until(lambda: gateway.receipts, "a receipt", 60)
    assert world.final(sent, tenant="hooked")["text"] == f"{CANARY} by REST"
    assert [one["text"] for one in world.at_simulators(by_smpp)] == [long]
    until(lambda: world.hooks.received(handset), "the webhook", within_s=30)

    words = [CANARY, to[1:], by_smpp[1:], handset, *world.keys.values()]
    seen = set()
    for path in written(world, since_s):
        octets = path.read_bytes()
        seen.add(path.suffix)
        mine = words if path.name != "system.json" else words[:4]  # the command line's own key stands there, for its owner only
        assert [word for word in mine if word.encode() in octets] == [], path
    assert seen >= {".aof", ".log"}  # the journal itself and Ray's logs were among them
    logs = list((world.data_dir / "journal").rglob("*.aof"))
    assert sum(path.stat().st_size for path in logs) > 10_000

    shown = b"".join(dashboard(world, path) for path in ("/api/v0/actors?detail=1", "/logical/actors", "/nodes?view=summary"))
    assert b"carrier:" in shown
    assert [word for word in [*words, SECRET, SMPP_PASSWORD] if word.encode() in shown] == []

    assert any(row["tenant"] == "hooked" and row["state"] == "in force" for row in json.loads(tenants(world, "list", "--json")))
    tenants(world, "erase", "hooked", "--yes")
    gone = until(
        lambda: (one := world.call("GET", f"/v1/messages/{sent}", tenant="hooked")).status == 410 and one, "erased", within_s=30
    )
    assert gone.json["code"] == "erased"
    after = world.send(to, "a new beginning", tenant="hooked")
    assert world.final(after, tenant="hooked")["text"] == "a new beginning"
    assert world.check().faults == []
