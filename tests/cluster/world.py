"""A whole running system for tests: the system itself behind ``driver.py``, load, HTTP, /proc."""

import asyncio
import http.client
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import urllib.parse
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from cluster_around import CARRIERS, ROOT, Hooks, Sim, settings_for, until

from actors.journal import EmbeddedServer, RedisJournal
from actors.shell import SETTINGS_VALUE
from router.config import dump_settings
from router.journal.port import Conservation
from router.settings import Settings

UP_S = 115.0  # the system's own limit is 90 s
DOWN_S = 60.0
GONE_S = 15.0
FINAL = frozenset({"delivered", "undelivered", "failed", "rejected", "expired", "canceled", "delivery_unconfirmed"})


class Answer(NamedTuple):
    """What the API answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Driver:
    """The process that starts and stops the system, and speaks with Ray."""

    def __init__(self, data_dir: Path, settings: Settings, code: Path) -> None:
        file = data_dir.with_name(data_dir.name + ".settings")
        file.write_bytes(dump_settings(settings))
        with data_dir.with_name(data_dir.name + ".log").open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(Path(__file__).with_name("driver.py")), str(data_dir), str(file)],
                cwd=code,
                env=os.environ | {"PYTHONPATH": str(code)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                # A Ctrl-C is for the tests: this process must live long enough to stop the system.
                start_new_session=True,
            )
        self._answers: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self._answers.put(line)
        self._answers.put("")

    def ask(self, word: str, *arguments: object, within_s: float = 20.0) -> Any:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps([word, *arguments]) + "\n")
        self.process.stdin.flush()
        line = self._answers.get(timeout=within_s)
        assert line, f"the driver ended while it was asked for {word}"
        return json.loads(line)

    def stop(self) -> None:
        """End the input: it stops the system and ends."""
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):
            self.process.stdin.close()
        try:
            self.process.wait(DOWN_S)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            self._reader.join(10)


class World:
    """One system and all that surrounds it."""

    def __init__(self, folder: Path, code: Path | None = None) -> None:
        self.data_dir = folder / "data"
        self.hooks = Hooks()
        self.sims = {name: Sim(folder, name) for name in CARRIERS}
        self.settings, self.keys = settings_for(self.sims, self.hooks.url)
        self.driver = Driver(self.data_dir, self.settings, code or ROOT)
        self.api = ""
        self.smpp = ""
        self.journal_url = ""
        self.numbers = 0  # handed out by tests
        self.took_s = 0.0  # the start

    # -- life
    def up(self) -> float:
        """Seconds that it took."""
        told = self.driver.ask("up", self.keys["load"], within_s=UP_S)
        self.api, self.smpp, self.journal_url = told["api"], told["smpp"], told["journal"]
        self.took_s = float(told["took_s"])
        return self.took_s

    def down(self) -> None:
        self.driver.ask("down", within_s=DOWN_S)

    def close(self) -> None:
        """Stop everything, and see that nothing is left."""
        try:
            self.driver.stop()
        finally:
            for sim in self.sims.values():
                sim.stop()
            self.hooks.stop()
            left = self.pids()
            with suppress(AssertionError):
                until(lambda: not self.pids(), "", within_s=GONE_S)
            remaining = self.pids()
            for pid in remaining:  # so that one test's failure is not the next one's
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            assert not remaining, f"processes are left: {remaining} of {left}"
            if self.api:
                with suppress(ConnectionRefusedError):
                    socket.create_connection(("127.0.0.1", urllib.parse.urlsplit(self.api).port or 0), 5).close()
                    raise AssertionError("somebody still listens on the API's port")

    # -- what runs
    def pids(self) -> list[int]:
        """Every process of this system: its command line or its environment names the data folder."""
        mark = os.fsencode(self.data_dir)
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            with suppress(OSError):
                if mark in (entry / "cmdline").read_bytes() or mark in (entry / "environ").read_bytes():
                    found.append(int(entry.name))
        return sorted(found)

    def ping(self, actor: str) -> dict[str, Any] | None:
        told = self.driver.ask("ping", actor)
        return None if told is None else dict(told)

    def overview(self) -> dict[str, dict[str, Any]]:
        return {row["name"]: row for row in self.driver.ask("overview")}

    def wait_ready(self, within_s: float = 30.0) -> None:
        """Every actor is ready."""

        def ready() -> bool:
            rows = self.overview()
            return bool(rows) and all(row.get("ready") and (row["seen_s"] or 0) < 4 for row in rows.values())

        until(ready, "every actor ready", within_s=within_s, every_s=0.2)

    @property
    def server(self) -> EmbeddedServer:
        return EmbeddedServer(self.data_dir / "journal")

    # -- the journal
    def _with_journal(self, work: Callable[[RedisJournal], Any]) -> Any:
        async def run() -> Any:
            journal = RedisJournal.connect(self.journal_url)
            try:
                return await work(journal)
            finally:
                await journal.close()

        return asyncio.run(run())

    def check(self) -> Conservation:
        return self._with_journal(lambda journal: journal.check())

    def quiet(self) -> int:
        """Once nothing moves any more: how many messages wait for a receipt, which a black hole will never send."""
        last = -1

        def still() -> bool:
            nonlocal last
            counts = self.check().counts
            before, last = last, counts["live"]
            return before == last == counts.get("SENT", 0)

        until(still, "nothing moves", within_s=30, every_s=0.3)
        return last

    def apply(self, settings: Settings) -> None:
        """Change the settings of the running system."""
        api = msgspec.structs.replace(settings.api, port=urllib.parse.urlsplit(self.api).port)
        smpp = msgspec.structs.replace(settings.smpp, port=int(self.smpp.rpartition(":")[2]))
        octets = dump_settings(msgspec.structs.replace(settings, api=api, smpp=smpp))
        self._with_journal(lambda journal: journal.put_value(SETTINGS_VALUE, octets))

    # -- the API
    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        tenant: str = "load",
        headers: Mapping[str, str] | None = None,
        within_s: float = 20.0,
    ) -> Answer:
        """One request. A body of octets goes as it is, any other as JSON; raises ``OSError`` when nobody answers."""
        sent = {"Authorization": f"Bearer {self.keys[tenant]}"} | dict(headers or {})
        if body is not None and "Content-Type" not in sent:
            sent["Content-Type"] = "application/json"
        octets = body if isinstance(body, bytes) or body is None else json.dumps(body)
        connection = http.client.HTTPConnection(urllib.parse.urlsplit(self.api).netloc, timeout=within_s)
        try:
            connection.request(method, path, octets, sent)
            answer = connection.getresponse()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        except http.client.HTTPException as error:
            raise ConnectionError(str(error)) from error
        finally:
            connection.close()

    def send(self, to: str, text: str = "Hello", *, tenant: str = "load", **fields: object) -> str:
        """Accepted; returns its id."""
        answer = self.call("POST", "/v1/messages", {"to": to, "from": "Test", "text": text, **fields}, tenant=tenant)
        assert answer.status == 202, answer
        return str(answer.json["id"])

    def message(self, message_id: str, tenant: str = "load") -> dict[str, Any]:
        answer = self.call("GET", f"/v1/messages/{message_id}", tenant=tenant)
        assert answer.status == 200, answer
        return dict(answer.json)

    def final(self, message_id: str, within_s: float = 20.0, tenant: str = "load") -> dict[str, Any]:
        """The message, once it has ended."""

        def ended() -> dict[str, Any] | None:
            seen = self.message(message_id, tenant)
            return seen if seen["status"] in FINAL else None

        found = until(ended, f"the end of {message_id}", within_s=within_s)
        assert found is not None
        return found

    def events(self, message_id: str, tenant: str = "load") -> list[dict[str, Any]]:
        answer = self.call("GET", f"/v1/messages/{message_id}/events", tenant=tenant)
        assert answer.status == 200, answer
        return list(answer.json["data"])

    def carriers(self) -> dict[str, dict[str, Any]]:
        answer = self.call("GET", "/v1/carriers")
        assert answer.status == 200, answer
        return {row["name"]: row for row in answer.json["data"]}

    def bound(self, *names: str, within_s: float = 20.0) -> None:
        """These carriers are bound."""
        until(lambda: all(self.carriers()[name]["bound"] for name in names), f"{names} bound", within_s=within_s)

    # -- the simulators
    def arrived(self) -> int:
        """Whole messages that the simulators took."""
        return sum(sim.stats()["messages"] for sim in self.sims.values())

    def at_simulators(self, to: str) -> list[dict[str, Any]]:
        return [message for sim in self.sims.values() for message in sim.messages(to)]

    # -- load
    @contextmanager
    def load(self, folder: Path, *arguments: str) -> Iterator["Load"]:
        """The load generator in a process of its own; it is ended when the block is."""
        load = Load(folder, ("--url", self.api, "--key", self.keys["load"], *arguments))
        try:
            yield load
        finally:
            load.stop()


class Load:
    """One run of the load generator."""

    def __init__(self, folder: Path, arguments: Sequence[str]) -> None:
        self._file = folder / "load.json"
        self._file.unlink(missing_ok=True)
        with (folder / "load.log").open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "sims.load", "--quiet", "--json", str(self._file), *arguments],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def result(self, within_s: float) -> dict[str, Any]:
        """What it found, once it is over."""
        self.process.wait(within_s)
        return dict(json.loads(self._file.read_text()))

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
