"""A customer's gateway as Jasmin's: the client of smpp.twisted3 over smpp.pdu3; arguments and lines as in ``smpplib_esme.py``."""

import sys
from itertools import count
from typing import Any

from smpp.pdu import pdu_types as p
from smpp.pdu.constants import command_status_name_map, message_state_name_map
from smpp.pdu.error import SMPPTransactionError
from smpp.pdu.operations import EnquireLink, QuerySM, SubmitSM
from smpp.twisted.config import SMPPClientConfig
from smpp.twisted.protocol import SMPPClientProtocol
from twisted.internet import reactor, stdio
from twisted.internet.protocol import ClientFactory
from twisted.protocols.basic import LineReceiver

SOURCE, DESTINATION = "Acme", "447700900123"
SOURCE_KIND = {"source_addr_ton": p.AddrTon.ALPHANUMERIC, "source_addr_npi": p.AddrNpi.UNKNOWN, "source_addr": SOURCE}
GSM, UCS2 = p.DataCodingDefault.SMSC_DEFAULT_ALPHABET, p.DataCodingDefault.UCS2
HEADER = [p.EsmClassGsmFeatures.UDHI_INDICATOR_SET]


def tell(kind: str, **values: Any) -> None:
    print(kind, *(f"{key}={value}" for key, value in values.items()), flush=True)


class Session(SMPPClientProtocol):
    mode = ""

    def connectionMade(self) -> None:  # noqa: N802 (Twisted's name)
        super().connectionMade()
        if self.mode == "transmitter":
            bound = self.bindAsTransmitter()
        elif self.mode == "receiver":
            bound = self.bindAsReceiver(received)
        else:
            bound = self.bindAsTransceiver(received)
        bound.addCallbacks(lambda _: tell("bound", status=0), lambda failure: tell("bound", status=number(failure)))

    def connectionLost(self, reason: Any) -> None:  # noqa: N802 (Twisted's name)
        super().connectionLost(reason)
        tell("gone")


class Factory(ClientFactory):
    protocol = Session

    def __init__(self, config: SMPPClientConfig) -> None:
        self.config = config
        self.session: Session | None = None

    def getConfig(self) -> SMPPClientConfig:  # noqa: N802 (smpp.twisted's name)
        return self.config

    def buildProtocol(self, addr: Any) -> Any:  # noqa: N802 (Twisted's name)
        self.session = super().buildProtocol(addr)
        return self.session


def number(failure: Any) -> int:
    """command_status of an answer that was a refusal."""
    if not failure.check(SMPPTransactionError):
        print(failure.getTraceback(), file=sys.stderr)
        return -1
    return command_status_name_map[failure.value.response.status.name]


def received(session: Any, pdu: Any) -> Any:
    values = pdu.params
    if values["esm_class"].type == p.EsmClassType.SMSC_DELIVERY_RECEIPT:
        stat = values["short_message"].decode().partition("stat:")[2][:7]
        state = message_state_name_map[values["message_state"].name]
        tell("receipt", id=values["receipted_message_id"].decode(), stat=stat, state=state)
    else:
        header = p.EsmClassGsmFeatures.UDHI_INDICATOR_SET in values["esm_class"].gsmFeatures
        octets = values.get("message_payload") or values["short_message"]
        coding = 8 if values["data_coding"].schemeData == UCS2 else 0
        tell("message", octets=octets.hex(), data_coding=coding, esm_class=0x40 if header else 0)
    return p.CommandStatus.ESME_ROK


class Commands(LineReceiver):
    delimiter = b"\n"

    def __init__(self, factory: Factory) -> None:
        self.factory = factory
        self.references = count(1)

    def lineReceived(self, line: bytes) -> None:  # noqa: N802 (Twisted's name)
        session = self.factory.session
        match line.decode().split():
            case ["bind", mode]:
                Session.mode = mode
                reactor.connectTCP("127.0.0.1", self.factory.config.port, self.factory)
            case ["submit", way, octets] if session is not None:
                self.submit(session, way, bytes.fromhex(octets).decode())
            case ["query", message_id] if session is not None:
                session.sendDataRequest(QuerySM(message_id=message_id, **SOURCE_KIND)).addCallbacks(
                    lambda result: tell(
                        "found", status=0, state=message_state_name_map[result.response.params["message_state"].name]
                    ),
                    lambda failure: tell("found", status=number(failure), state=0),
                )
            case ["enquire"] if session is not None:
                session.sendRequest(EnquireLink(), 10)
            case ["unbind"] if session is not None:
                session.unbindAndDisconnect().addCallback(lambda _: tell("unbound", status=0))
            case words:
                raise ValueError(words)

    def connectionLost(self, reason: Any = None) -> None:  # noqa: N802 (Twisted's name)
        reactor.stop()

    def submit(self, session: Session, way: str, text: str) -> None:
        plain = text.isascii() and text.replace(" ", "").replace(",", "").replace(".", "").isalnum()
        octets = text.encode("ascii" if plain else "utf-16-be")
        most, room = (160, 153) if plain else (140, 134)
        if way == "payload" or len(octets) <= most:
            parts = [{"message_payload" if way == "payload" else "short_message": octets}]
        else:
            pieces = [octets[start : start + room] for start in range(0, len(octets), room)]
            head = bytes((5, 0, 3, next(self.references) & 0xFF, len(pieces)))
            parts = [{"short_message": head + bytes((n,)) + piece} for n, piece in enumerate(pieces, 1)]
        for part in parts:
            pdu = SubmitSM(
                service_type="",
                dest_addr_ton=p.AddrTon.INTERNATIONAL,
                dest_addr_npi=p.AddrNpi.ISDN,
                destination_addr=DESTINATION,
                esm_class=p.EsmClass(p.EsmClassMode.DEFAULT, p.EsmClassType.DEFAULT, HEADER if len(parts) > 1 else []),
                protocol_id=0,
                priority_flag=p.PriorityFlag.LEVEL_0,
                registered_delivery=p.RegisteredDelivery(p.RegisteredDeliveryReceipt.SMSC_DELIVERY_RECEIPT_REQUESTED),
                replace_if_present_flag=p.ReplaceIfPresentFlag.DO_NOT_REPLACE,
                data_coding=p.DataCoding(schemeData=GSM if plain else UCS2),
                sm_default_msg_id=0,
                **SOURCE_KIND,
                **({"short_message": b""} | part),
            )
            session.sendDataRequest(pdu).addCallbacks(
                lambda result: tell("answer", status=0, id=result.response.params["message_id"].decode()),
                lambda failure: tell("answer", status=number(failure), id=""),
            )


def main() -> None:
    port, system_id, password = sys.argv[1:]
    config = SMPPClientConfig(host="127.0.0.1", port=int(port), username=system_id, password=password)
    stdio.StandardIO(Commands(Factory(config)))
    reactor.run()


if __name__ == "__main__":
    main()
