"""A customer's gateway made with smpplib: ``smpplib_esme.py PORT SYSTEM_ID PASSWORD``. Prints what it understood.

A line out is a kind and key=value pairs, octets in hexadecimal. Lines in:
``bind MODE``               transmitter, receiver or transceiver
``submit WAY HEX``          a text in UTF-8; WAY of marking a long one: udh or payload
``query ID``, ``enquire``, ``unbind``
It ends when its standard input does.
"""

import os
import select
import sys
from typing import Any

from smpplib import client as smpplib_client
from smpplib import consts, exceptions, gsm, smpp

SOURCE, DESTINATION = "Acme", "447700900123"


def tell(kind: str, **values: Any) -> None:
    print(kind, *(f"{key}={value}" for key, value in values.items()), flush=True)


class Customer:
    def __init__(self, port: int, system_id: str, password: str) -> None:
        self.credentials = {"system_id": system_id, "password": password}
        self.client = smpplib_client.Client("127.0.0.1", port, allow_unknown_opt_params=True, timeout=20)
        self.client.set_message_sent_handler(self.sent)
        self.client.set_error_pdu_handler(lambda _: None)  # what comes with a status is told by the others
        self.client.set_message_received_handler(self.received)
        self.client.set_query_resp_handler(lambda pdu: tell("found", status=pdu.status, state=pdu.message_state or 0))

    def sent(self, pdu: Any) -> None:
        tell("answer", status=pdu.status, id=pdu.message_id.decode() if pdu.status == 0 else "")

    def received(self, pdu: Any) -> None:
        if pdu.esm_class & 0x3C == 0x04:  # SMPP 3.4, 5.2.12: an SMSC's receipt
            stat = pdu.short_message.decode().partition("stat:")[2][:7]
            tell("receipt", id=pdu.receipted_message_id.decode(), stat=stat, state=pdu.message_state)
        else:
            octets = pdu.short_message or pdu.message_payload
            tell("message", octets=octets.hex(), data_coding=pdu.data_coding, esm_class=pdu.esm_class)

    def do(self, words: list[str]) -> None:
        match words:
            case ["bind", mode]:
                self.client.connect()
                try:
                    tell("bound", status=getattr(self.client, f"bind_{mode}")(**self.credentials).status)
                except exceptions.PDUError as error:
                    tell("bound", status=error.args[1])
            case ["submit", way, octets]:
                self.submit(way, bytes.fromhex(octets).decode())
            case ["query", message_id]:
                address = {"source_addr_ton": 5, "source_addr_npi": 0, "source_addr": SOURCE}
                self.client.query_message(message_id=message_id, **address)
            case ["enquire"]:
                self.client.send_pdu(smpp.make_pdu("enquire_link", client=self.client))
            case ["unbind"]:
                tell("unbound", status=self.client.unbind().status)
                self.client.disconnect()
            case _:
                raise ValueError(words)

    def submit(self, way: str, text: str) -> None:
        parts, coding, esm_class = gsm.make_parts(text)
        payload = {}
        if way == "payload":
            payload = {"message_payload": text.encode("utf-16-be")}
            parts, coding, esm_class = [b""], consts.SMPP_ENCODING_ISO10646, 0
        for part in parts:
            self.client.send_message(
                source_addr_ton=5,
                source_addr_npi=0,
                source_addr=SOURCE,
                dest_addr_ton=1,
                dest_addr_npi=1,
                destination_addr=DESTINATION,
                short_message=part,
                data_coding=coding,
                esm_class=esm_class,
                registered_delivery=True,
                **payload,
            )
        tell("submitted", parts=len(parts))

    def run(self) -> None:
        lines = b""
        while True:
            connection = self.client._socket
            readable = select.select([0] if connection is None else [0, connection], [], [])[0]
            if 0 in readable:
                read = os.read(0, 65_536)
                if not read:
                    return
                *whole, lines = (lines + read).split(b"\n")
                for line in whole:
                    self.do(line.decode().split())
            if connection is not None and connection in readable and self.client._socket is connection:
                try:
                    self.client.read_once()
                except exceptions.ConnectionError:
                    tell("gone")
                    self.client.disconnect()


if __name__ == "__main__":
    Customer(int(sys.argv[1]), *sys.argv[2:]).run()
