"""An SMSC in a process of its own, driven over its control endpoint: for demos, benchmarks and tests."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from sims.smsc.temperament import Temperament

CONTROL_TIMEOUT_S: Final = 5.0


class SmscProcess:
    """Starts ``python -m sims.smsc`` on free ports. ``log``: where its output goes after the first line."""

    def __init__(
        self, temperament: Temperament, *, account: str, log: Path, detached: bool = False, arguments: Sequence[str] = ()
    ) -> None:
        with log.open("wb") as errors:
            self.process = subprocess.Popen(  # noqa: S603 (our own interpreter)
                [sys.executable, "-m", "sims.smsc", "--port", "0", "--account", account, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=detached,
            )
        if self.process.stdout is None:
            raise RuntimeError("the simulator has no output")
        first = self.process.stdout.readline().decode()
        ports = dict(word.split("=") for word in first.split()[1:])
        if "smpp" not in ports:
            raise RuntimeError(f"the simulator did not start; its log is {log}")
        self.smpp_port = int(ports["smpp"])
        self.control_port = int(ports["control"])
        self._first = msgspec.to_builtins(temperament)
        self.reset()

    @property
    def address(self) -> str:
        """Where carriers' profiles find it."""
        return f"127.0.0.1:{self.smpp_port}"

    def stats(self) -> dict[str, Any]:
        """Its counters."""
        return self._call("GET", "/stats")

    def messages(self, limit: int) -> list[dict[str, Any]]:
        """The newest messages that arrived, at most so many, as ``Arrived.shown`` tells them."""
        return list(self._call("GET", f"/messages?limit={limit}")["data"])

    def send_mo(self, source: str, to: str, text: str, *, long: bool = False, system_id: str = "") -> int:
        """Have a handset send a message; in how many parts. ``long``: the text is repeated until it takes several."""
        asked = {"from": source, "to": to, "text": text, "long": long, "system_id": system_id}
        return int(self._call("POST", "/mo", json.dumps(asked).encode())["parts"])

    def change(self, fields: Mapping[str, Any]) -> None:
        """Change fields of its temperament."""
        self._call("POST", "/temperament", json.dumps(fields).encode())

    def reset(self) -> None:
        """Back to how it was started."""
        self.change(self._first)

    def stop(self) -> None:
        """End it."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def _call(self, method: str, path: str, body: bytes | None = None) -> dict[str, Any]:
        request = urllib.request.Request(f"http://127.0.0.1:{self.control_port}{path}", body, method=method)
        with urllib.request.urlopen(request, timeout=CONTROL_TIMEOUT_S) as answer:  # noqa: S310 (loopback)
            return dict(json.loads(answer.read()))
