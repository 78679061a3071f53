"""A customer's SMPP client for tests: a blocking socket, one PDU at a time, everything that comes is kept."""

import queue
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, NamedTuple, Self

from carriers.smpp import commands as c
from carriers.smpp.messages import Message, pack_message, read_message
from carriers.smpp.operations import Bind, pack_bind
from carriers.smpp.pdu import Framer, pack_pdu
from carriers.smpp.receipts import ReceiptText, read_receipt
from router.text.segments import decode


class Pdu(NamedTuple):
    """One that came."""

    command: int
    status: int
    sequence: int
    raw: bytes

    @property
    def message_id(self) -> str:
        return self.raw[16:].split(b"\0")[0].decode()


class Customer:
    """Bound at construction; answers enquire_link and, unless ``answers`` says otherwise, deliver_sm."""

    def __init__(self, address: str, system_id: str, password: str, bind: int = c.BIND_TRANSCEIVER) -> None:
        host, _, port = address.rpartition(":")
        self._socket = socket.create_connection((host, int(port)), 10)
        self._framer = Framer()
        self._sequence = 0
        self._ready: list[Pdu] = []
        self.answers: Callable[[Message], int | None] = lambda _: c.ROK  # status of a deliver_sm; None: no answer
        self.receipts: list[ReceiptText] = []
        self.messages: list[tuple[str, str, str]] = []  # from, to, text
        self.raw: list[Message] = []
        try:
            self.bound = self.ask(bind, pack_bind(Bind(system_id, password))).status
        except BaseException:
            self._socket.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()

    def write(self, command: int, body: bytes = b"") -> int:
        """Send a request; its sequence number."""
        self._sequence += 1
        self._socket.sendall(pack_pdu(command, 0, self._sequence, body))
        return self._sequence

    def ask(self, command: int, body: bytes = b"", within_s: float = 20.0) -> Pdu:
        """Send a request and wait for its answer."""
        return self.answer_to(self.write(command, body), within_s)

    def answer_to(self, sequence: int, within_s: float = 20.0) -> Pdu:
        """The answer to a request."""

        def found() -> Pdu | None:
            return next((pdu for pdu in self._ready if pdu.sequence == sequence), None)

        pdu = self.until(found, f"the answer to {sequence}", within_s)
        self._ready.remove(pdu)
        return pdu

    def submit(self, to: str, text: bytes = b"Hello", within_s: float = 20.0, **fields: Any) -> Pdu:
        """Send a submit_sm and wait for its answer."""
        return self.ask(c.SUBMIT_SM, submit_body(to, text, **fields), within_s)

    def until(self, look: Callable[[], Any], what: str, within_s: float = 20.0) -> Any:
        """Read until ``look`` has a true value."""
        deadline_s = time.monotonic() + within_s
        while not (value := look()):
            left_s = deadline_s - time.monotonic()
            assert left_s > 0, f"not within {within_s} s: {what}"
            self._read(left_s)
        return value

    def listen(self, for_s: float) -> None:
        """Read whatever comes in so many seconds."""
        deadline_s = time.monotonic() + for_s
        while (left_s := deadline_s - time.monotonic()) > 0:
            self._read(left_s)

    def _read(self, within_s: float) -> None:
        self._socket.settimeout(max(within_s, 0.001))
        try:
            data = self._socket.recv(65_536)
        except TimeoutError:
            return
        if not data:
            raise ConnectionResetError("closed by the server")
        for raw in self._framer.feed(data):
            _, command, status, sequence = struct.unpack_from(">IIII", raw)
            pdu = Pdu(command, status, sequence, raw)
            if command & c.RESPONSE:
                self._ready.append(pdu)
            elif command == c.DELIVER_SM:
                self._take(pdu)
            else:
                self._socket.sendall(pack_pdu(command | c.RESPONSE, 0, sequence))

    def _take(self, pdu: Pdu) -> None:
        message = read_message(pdu.raw)
        status = self.answers(message)
        if status is not None:
            self._socket.sendall(pack_pdu(c.DELIVER_SM_RESP, status, pdu.sequence, b"\0"))
        if status == c.ROK:
            self.raw.append(message)
            found = read_receipt(message.short_message, message.tlvs, esm_class=message.esm_class, by_text=False)
            if isinstance(found, ReceiptText):
                self.receipts.append(found)
            else:
                text = decode(message.short_message, message.data_coding, bool(message.esm_class & c.ESM_UDHI))
                self.messages.append((message.source, message.destination, text))


def submit_body(to: str, text: bytes, **fields: Any) -> bytes:
    """A submit_sm's body to an international number, a receipt asked."""
    defaults = {"source": "Test", "source_ton": 5, "destination_ton": 1, "destination_npi": 1, "registered_delivery": 1}
    return pack_message(Message(destination=to.removeprefix("+"), short_message=text, **(defaults | fields)))


class Lines:
    """A program that takes words on its input and tells "kind key=value …" on its output, line by line."""

    def __init__(self, program: "subprocess.Popen[str]") -> None:
        self._program = program
        self._told: queue.Queue[str] = queue.Queue()
        self._kept: list[tuple[str, dict[str, str]]] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._program.stdout is not None
        with self._program.stdout as lines:
            for line in lines:
                self._told.put(line)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._program.stdin is not None
        self._program.stdin.close()
        try:
            self._program.wait(10)
        except subprocess.TimeoutExpired:
            self._program.kill()
            self._program.wait()
        self._reader.join(10)

    def tell(self, words: str) -> None:
        assert self._program.stdin is not None
        self._program.stdin.write(words + "\n")
        self._program.stdin.flush()

    def next(self, kind: str, within_s: float = 20.0) -> dict[str, str]:
        """The values of the next line of this kind; others are kept."""
        deadline_s = time.monotonic() + within_s
        while True:
            for at, (word, values) in enumerate(self._kept):
                if word == kind:
                    del self._kept[at]
                    return values
            left_s = deadline_s - time.monotonic()
            assert left_s > 0, f"no {kind} within {within_s} s: {self._kept}"
            try:
                word, *pairs = self._told.get(timeout=left_s).split()
            except queue.Empty:
                continue
            self._kept.append((word, dict(pair.partition("=")[::2] for pair in pairs)))
