"""A customer's gateway made with aiosmpplib; arguments and lines as in ``smpplib_esme.py``, without ``query`` and ``enquire``.

It binds again by itself when the connection ends, and cuts long messages itself: ``udh`` asks it for headers.
"""

import asyncio
import itertools
import logging
import os
import struct
import sys
from typing import Any

import aiosmpplib
from aiosmpplib.state import NPI, TON, BindMode, PhoneNumber

SOURCE = PhoneNumber("Acme", TON.ALPHANUMERIC, NPI.UNKNOWN)
DESTINATION = PhoneNumber("447700900123", TON.INTERNATIONAL, NPI.ISDN)
ENQUIRE_S = 0.5
BIND_RESPS = {0x80000001, 0x80000002, 0x80000009}
SUBMIT_RESP, DELIVER, UNBIND_RESP = 0x80000004, 0x05, 0x80000006


def tell(kind: str, **values: Any) -> None:
    print(kind, *(f"{key}={value}" for key, value in values.items()), flush=True)


class Hook(aiosmpplib.hook.AbstractHook):
    async def sending(self, smpp_message: Any, pdu: bytes, client_id: str) -> None:
        pass

    async def received(self, smpp_message: Any, pdu: bytes, client_id: str) -> None:
        _, command, status, _ = struct.unpack_from(">IIII", pdu)
        if command in BIND_RESPS:
            tell("bound", status=status)
        elif command == SUBMIT_RESP:
            # Of the parts of a long message it hands over the last answer alone: their ids are in the octets
            tell("answer", status=status, id=pdu[16:].rstrip(b"\0").decode(), log_id=getattr(smpp_message, "log_id", ""))
        elif command == UNBIND_RESP:
            tell("unbound", status=status)
        elif command == DELIVER and smpp_message is None:
            tell("part")
        elif command == DELIVER and smpp_message.is_receipt():
            read = smpp_message.parse_receipt()
            tell("receipt", id=read["id"], stat=read["stat"], log_id=smpp_message.log_id)
        elif command == DELIVER:
            text = smpp_message.short_message or smpp_message.message_payload
            tell("message", text=text.encode().hex(), esm_class=smpp_message.esm_class)

    async def send_error(self, smpp_message: Any, error: Exception, client_id: str) -> None:
        tell("unsent", error=type(error).__name__)


async def main() -> None:
    port, system_id, password = sys.argv[1:]
    lines = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    numbers = itertools.count(1)
    esme, running = None, None
    while line := await lines.readline():
        match line.decode().split():
            case ["bind", mode]:
                esme = aiosmpplib.ESME(
                    "127.0.0.1",
                    int(port),
                    system_id,
                    password,
                    bind_mode=BindMode[mode.upper()],
                    hook=Hook(),
                    log_level=logging.CRITICAL,
                    enquire_link_interval=ENQUIRE_S,
                )
                running = asyncio.ensure_future(esme.start())
            case ["submit", way, octets] if esme is not None:
                message = aiosmpplib.SubmitSm(
                    short_message=bytes.fromhex(octets).decode(),
                    source=SOURCE,
                    destination=DESTINATION,
                    log_id=str(next(numbers)),
                    esm_class=0x40 if way == "udh" else 0,
                    auto_message_payload=way == "payload",
                )
                await esme.broker.enqueue(message)
            case ["unbind"] if esme is not None and running is not None:
                await esme.stop()
                await running
            case words:
                raise ValueError(words)
    os._exit(0)  # it takes seconds over its own end when a server is slow to answer


if __name__ == "__main__":
    asyncio.run(main())
