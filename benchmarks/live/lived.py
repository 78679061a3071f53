"""The live run of a story: simulators, the whole system, a load by REST; the fault is made at the simulator while it runs."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import numpy as np
from prometheus_client.parser import text_string_to_metric_families

from actors.cli.system import Running, System
from benchmarks.live.figures import Sent, Times, figures
from benchmarks.live.foretold import Length
from benchmarks.live.world import (
    CARRIERS,
    FAULT_FROM,
    FAULT_TO,
    PASSWORD,
    STORIES,
    SYSTEM_ID,
    VICTIM,
    destinations,
    networks,
    profile,
    temperament,
)
from router.keys import ENTROPY_OCTETS, make_key
from router.model import MessageClass
from router.settings import Api, Settings, SmppServer, Tenant, Workers
from sims.load.options import write_shares
from sims.smsc.process import SmscProcess
from sims.twin.world import MIX

TENANT: Final = "live"
HOME: Final = Path(".trunkline")  # on a disk: where /tmp is memory, a commit there would cost nothing
KEEP: Final = 200_000  # messages that a simulator can show: all of a run
BEGIN_S: Final = 30.0  # until the load's first message
SETTLE_S: Final = 25.0  # for the last receipts: three times the median of the slowest carrier, and more
GRACE_S: Final = 60.0
LOOK_S: Final = 0.02
Say = Callable[[str], None]


class Live:
    """The running world."""

    def __init__(self, folder: Path, brains: int) -> None:
        self.folder = folder
        self.brains = brains
        self.system = System(folder)
        self.simulators: dict[str, SmscProcess] = {}
        self.state: Running

    def start(self) -> None:
        """Simulators and system; raises ``StartFailed``."""
        for number, carrier in enumerate(CARRIERS):
            self.simulators[carrier.name] = SmscProcess(
                temperament(carrier),
                account=f"{SYSTEM_ID}:{PASSWORD}",
                log=self.folder / f"smsc-{carrier.name}.log",
                arguments=("--keep", str(KEEP), "--seed", str(number + 1)),
            )
        plaintext, key = make_key(os.urandom(ENTROPY_OCTETS), TENANT, ("send", "read", "admin"))
        settings = Settings(
            data_dir=str(self.folder),
            dashboard_port=0,
            api=Api(port=0),
            smpp=SmppServer(port=0),
            workers=Workers(brains=self.brains),
            networks=networks(),
            carriers=tuple(profile(carrier, self.simulators[carrier.name].address) for carrier in CARRIERS),
            tenants=(Tenant(id=TENANT, rate_mps=10_000, burst=10_000),),
            keys=(key,),
        )
        self.state = self.system.up(settings, config="(live)", key=plaintext)

    def stop(self) -> None:
        """Stop all of it."""
        with suppress(ImportError):
            import ray  # the system has loaded it by now, after the environment was set that Ray reads once

            ray.shutdown()  # the system's own way down connects anew, and drains
        self.system.down()
        for simulator in self.simulators.values():
            simulator.stop()

    def submits(self) -> int:
        """All submits so far."""
        return sum(simulator.stats()["submits"] for simulator in self.simulators.values())

    def metrics(self) -> dict[tuple[str, str, str], float]:
        """(sample, class, le) to value of what /metrics shows by class."""
        headers = {"Authorization": f"Bearer {self.state.key}"}
        request = urllib.request.Request(f"{self.state.api_url}/metrics", headers=headers)  # noqa: S310 (loopback)
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 (loopback)
            page = answer.read().decode()
        return {
            (sample.name, sample.labels.get("class", ""), sample.labels.get("le", "")): float(sample.value)
            for family in text_string_to_metric_families(page)
            if family.name in {"trunkline_accepted", "trunkline_accept_to_delivered_seconds"}
            for sample in family.samples
        }


@contextmanager
def _running(brains: int) -> Any:
    HOME.mkdir(exist_ok=True)
    live = Live(Path(tempfile.mkdtemp(prefix="live-", dir=HOME)).resolve(), brains)
    try:
        live.start()
        yield live
    finally:
        live.stop()
        shutil.rmtree(live.folder, ignore_errors=True)


def live_through(story: str, length: Length, *, seed: int, brains: int, say: Say) -> tuple[dict[str, float], dict[str, Any]]:
    """The figures of the live run, and what the load generator told; raises ``StartFailed`` and ``RuntimeError``."""
    with _running(brains) as live:
        say("system up; load begins")
        result = live.folder / "load.json"
        with (live.folder / "load.log").open("wb") as log:
            load = subprocess.Popen(
                [
                    *(sys.executable, "-m", "sims.load", *load_arguments(length, seed), "--json", str(result)),
                    *("--url", live.state.api_url, "--key", live.state.key),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            began_s = _first(live, load)
            begin_s = _at(began_s, FAULT_FROM * length.run_s)
            live.simulators[VICTIM].change(STORIES[story].smsc)
            say(f"{VICTIM}: {STORIES[story].twin.says}")
            end_s = _at(began_s, FAULT_TO * length.run_s)
            live.simulators[VICTIM].reset()
            say(f"{VICTIM} is well again")
            load.wait(length.run_s + GRACE_S)
        finally:
            if load.poll() is None:
                load.terminate()
            load.wait()
        told = json.loads(result.read_bytes())
        say("waiting for the last receipts")
        time.sleep(SETTLE_S)
        return _measure(live, Times(begin_s, end_s, length.run_s), began_s), told


def load_arguments(length: Length, seed: int) -> list[str]:
    """The load, as its generator is told."""
    mix = {klass.word: share for klass, share in zip(MessageClass, MIX, strict=True)}
    return [
        *("--rate", str(length.rate_mps), "--duration", str(length.run_s), "--seed", str(seed), "--retry", "--quiet"),
        *("--lengths", "short=1", "--to", destinations(), "--mix", write_shares(mix)),
    ]


def _first(live: Live, load: "subprocess.Popen[bytes]") -> float:
    """When the first message came to a carrier, seconds since 1970."""
    deadline_s = time.monotonic() + BEGIN_S
    while not live.submits():
        if time.monotonic() > deadline_s or load.poll() is not None:
            raise RuntimeError(f"no message came to a carrier: {(live.folder / 'load.log').read_text('utf-8')[-1_000:]}")
        time.sleep(LOOK_S)
    return float(min(one["at"] for simulator in live.simulators.values() for one in simulator.messages(KEEP)))


def _at(began_s: float, elapsed_s: float) -> float:
    """Wait until then; returns the time that it is, in seconds since the beginning."""
    time.sleep(max(0.0, began_s + elapsed_s - time.time()))
    return time.time() - began_s


def _measure(live: Live, times: Times, began_s: float) -> dict[str, float]:
    names = [carrier.name for carrier in CARRIERS]
    rows = sorted(
        (float(one["at"]) - began_s, place) for place, name in enumerate(names) for one in live.simulators[name].messages(KEEP)
    )
    sent = Sent(np.array([at_s for at_s, _ in rows]), np.array([place for _, place in rows], dtype=np.int64))
    counted = live.metrics()
    settings = Settings()
    in_time = {}
    for klass in MessageClass:
        deadline = str(float(settings.rules(klass).deadline_s))
        arrived = counted.get(("trunkline_accept_to_delivered_seconds_bucket", klass.word, deadline), 0.0)
        in_time[klass.word] = arrived / max(counted.get(("trunkline_accepted_total", klass.word, ""), 0.0), 1.0)
    return figures(sent, times, names, VICTIM, in_time)
