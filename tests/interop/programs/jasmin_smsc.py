"""An SMSC as Jasmin runs one: the server of smpp.twisted3 over smpp.pdu3. Prints what it understood, does what it is told.

A line out is a kind and key=value pairs, octets in hexadecimal. Lines in:
``status NAME COUNT``   answer the next COUNT submits with that status
``deliver SOURCE DESTINATION CODING ESM HEX``   a message from a handset, with that data_coding and esm_class
``data SOURCE DESTINATION CODING ESM HEX``      the same as a data_sm
``quiet``   send no receipts
``enquire``, ``unbind``
It ends when its standard input does.
"""

import sys
from io import BytesIO
from itertools import count
from typing import Any

from smpp.pdu import pdu_types as p
from smpp.pdu.error import SMPPTransactionError
from smpp.pdu.operations import DataSM, DeliverSM, EnquireLink
from smpp.pdu.pdu_encoding import PDUEncoder
from smpp.pdu.sm_encoding import SMStringEncoder
from smpp.twisted.config import SMPPServerConfig
from smpp.twisted.protocol import DataHandlerResponse
from smpp.twisted.server import IAuthenticatedSMPP, SMPPServerFactory
from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import IRealm, Portal
from twisted.internet import defer, reactor, stdio
from twisted.protocols.basic import LineReceiver
from zope.interface import implementer

SYSTEM_ID, PASSWORD = "trunk", "secret"
READ = PDUEncoder.DefaultRequiredParamEncoders


def tell(kind: str, **values: Any) -> None:
    print(kind, *(f"{key}={value}" for key, value in values.items()), flush=True)


@implementer(IRealm)
class Realm:
    def requestAvatar(self, avatar_id: Any, mind: Any, *interfaces: Any) -> Any:  # noqa: N802 (Twisted's name)
        return IAuthenticatedSMPP, avatar_id, lambda: None


@implementer(ICredentialsChecker)
class Checker:
    credentialInterfaces = (IUsernamePassword,)  # noqa: N815 (Twisted's name)

    def requestAvatarId(self, credentials: Any) -> Any:  # noqa: N802 (Twisted's name)
        if (credentials.username, credentials.password) == (SYSTEM_ID, PASSWORD):
            return defer.succeed(credentials.username)
        return defer.fail(UnauthorizedLogin())


class Office:
    """Answers submits with ids, and sends the receipts that they ask for."""

    def __init__(self) -> None:
        self.numbers = count(1)
        self.states: dict[str, p.MessageState] = {}
        self.statuses: list[p.CommandStatus] = []
        self.quiet = False
        self.factory: SMPPServerFactory | None = None

    def handle(self, system_id: str, session: Any, pdu: Any) -> Any:
        kind = pdu.id.name
        if kind in {"submit_sm", "data_sm"}:
            return self.submitted(pdu)
        if kind == "query_sm":
            message_id = pdu.params["message_id"].decode()
            tell("query", id=message_id)
            if message_id not in self.states:
                return p.CommandStatus.ESME_RINVMSGID
            return DataHandlerResponse(
                p.CommandStatus.ESME_ROK,
                message_id=message_id,
                final_date=None,
                message_state=self.states[message_id],
                error_code=0,
            )
        tell("other", command=kind)
        return p.CommandStatus.ESME_RINVCMDID

    def submitted(self, pdu: Any) -> Any:
        values = pdu.params
        status = self.statuses.pop(0) if self.statuses else p.CommandStatus.ESME_ROK
        message_id = f"J{next(self.numbers):06}"
        payload = values.get("message_payload")
        octets = payload if payload is not None else values["short_message"]
        known = {"text": ""}
        if payload is None and values["data_coding"].scheme == p.DataCodingScheme.DEFAULT:
            read = SMStringEncoder()
            try:
                known["text"] = (read.decodeSM(pdu).unicode or "").encode().hex()
                part = read.getConcatenatedSMInfoElement(pdu)
            except NotImplementedError:  # its word for an alphabet that it leaves to others
                part = None
            if part is not None:
                known["part"] = f"{part.data.referenceNum}/{part.data.sequenceNum}/{part.data.maximumNum}"
        for name in ("sar_msg_ref_num", "sar_total_segments", "sar_segment_seqnum"):
            if name in values:
                known[name] = values[name]
        tell(
            "submit",
            id=message_id,
            status=status.name,
            source=values["source_addr"].decode("latin-1"),
            source_ton=READ["source_addr_ton"].encode(values["source_addr_ton"])[0],
            destination=values["destination_addr"].decode(),
            octets=octets.hex(),
            payload=int(payload is not None),
            data_coding=READ["data_coding"].encode(values["data_coding"])[0],
            esm_class=READ["esm_class"].encode(values["esm_class"])[0],
            validity=READ["validity_period"].encode(values["validity_period"]).decode()[:-1],
            **known,
        )
        if status != p.CommandStatus.ESME_ROK:
            return status
        self.states[message_id] = p.MessageState.DELIVERED
        asked = values["registered_delivery"].receipt
        if not self.quiet and asked != p.RegisteredDeliveryReceipt.NO_SMSC_DELIVERY_RECEIPT_REQUESTED:
            reactor.callLater(0, self.receipt, message_id, values["destination_addr"], values["source_addr"])
        return DataHandlerResponse(p.CommandStatus.ESME_ROK, message_id=message_id)

    def receipt(self, message_id: str, source: bytes, destination: bytes) -> None:
        text = (
            f"id:{message_id} sub:001 dlvrd:001 submit date:2601010000 done date:2601010001 stat:DELIVRD err:000 text:-".encode()
        )
        self.send(
            self.session(),
            DeliverSM(
                source_addr=source,
                destination_addr=destination,
                esm_class=p.EsmClass(p.EsmClassMode.DEFAULT, p.EsmClassType.SMSC_DELIVERY_RECEIPT),
                short_message=text,
                receipted_message_id=message_id,
                message_state=p.MessageState.DELIVERED,
                **ADDRESSES,
                **DELIVERY,
                data_coding=p.DataCoding(),
            ),
        )

    def send(self, session: Any, pdu: Any) -> None:
        session.sendDataRequest(pdu).addCallbacks(lambda result: self.answered(result.response), self.unanswered)

    def answered(self, response: Any) -> None:
        tell("answered", command=response.id.name, status=response.status.name)

    def unanswered(self, failure: Any) -> None:
        if failure.check(SMPPTransactionError):
            self.answered(failure.value.response)
        else:
            tell("unanswered", reason=failure.type.__name__, detail=str(failure.value).encode().hex())

    def session(self) -> Any:
        assert self.factory is not None
        return self.factory.getBoundConnections(SYSTEM_ID).getNextBindingForDelivery()

    def do(self, words: list[str]) -> None:
        match words:
            case ["status", name, number]:
                self.statuses += [p.CommandStatus[name]] * int(number)
            case ["deliver" | "data" as kind, source, destination, coding, esm_class, octets]:
                both = {
                    "source_addr": source,
                    "destination_addr": destination,
                    "esm_class": READ["esm_class"].decode(BytesIO(bytes((int(esm_class),)))),
                    "data_coding": READ["data_coding"].decode(BytesIO(bytes((int(coding),)))),
                    **ADDRESSES,
                }
                if kind == "deliver":
                    self.send(self.session(), DeliverSM(short_message=bytes.fromhex(octets), **both, **DELIVERY))
                else:
                    registered = DELIVERY["registered_delivery"]
                    self.send(
                        self.session(), DataSM(message_payload=bytes.fromhex(octets), registered_delivery=registered, **both)
                    )
            case ["quiet"]:
                self.quiet = True
            case ["enquire"]:
                self.session().sendRequest(EnquireLink(), 10).addCallback(lambda _: tell("alive"))
            case ["unbind"]:
                self.session().unbindAndDisconnect().addCallback(lambda _: tell("unbound"))
            case _:
                raise ValueError(words)


ADDRESSES = {
    "service_type": "",
    "source_addr_ton": p.AddrTon.INTERNATIONAL,
    "source_addr_npi": p.AddrNpi.ISDN,
    "dest_addr_ton": p.AddrTon.NATIONAL,
    "dest_addr_npi": p.AddrNpi.ISDN,
}
DELIVERY = {
    "protocol_id": 0,
    "priority_flag": p.PriorityFlag.LEVEL_0,
    "registered_delivery": p.RegisteredDelivery(p.RegisteredDeliveryReceipt.NO_SMSC_DELIVERY_RECEIPT_REQUESTED),
    "replace_if_present_flag": p.ReplaceIfPresentFlag.DO_NOT_REPLACE,
    "sm_default_msg_id": 0,
}


class Factory(SMPPServerFactory):
    def addBoundConnection(self, connection: Any) -> None:  # noqa: N802 (Twisted's name)
        super().addBoundConnection(connection)
        tell("bound", command=connection.bind_type.name, system_id=connection.system_id)

    def removeConnection(self, connection: Any) -> None:  # noqa: N802 (Twisted's name)
        super().removeConnection(connection)
        tell("gone", state=connection.sessionState.name)


class Commands(LineReceiver):
    delimiter = b"\n"

    def __init__(self, office: Office) -> None:
        self.office = office

    def lineReceived(self, line: bytes) -> None:  # noqa: N802 (Twisted's name)
        self.office.do(line.decode().split())

    def connectionLost(self, reason: Any = None) -> None:  # noqa: N802 (Twisted's name)
        reactor.stop()


def main() -> None:
    enquire_s = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    office = Office()
    config = SMPPServerConfig(msgHandler=office.handle, systems={SYSTEM_ID: {"max_bindings": 4}}, enquireLinkTimerSecs=enquire_s)
    office.factory = Factory(config, auth_portal=Portal(Realm(), [Checker()]))
    port = reactor.listenTCP(0, office.factory, interface="127.0.0.1")
    stdio.StandardIO(Commands(office))
    tell("listening", port=port.getHost().port)
    reactor.run()


if __name__ == "__main__":
    main()
