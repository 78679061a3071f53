"""A peer that says anything, against both roles of the SMPP session core.

``talk`` makes one conversation of any octets and checks what must hold whatever is said; the property tests call it with
octets from Hypothesis. Guided by coverage it runs with atheris, which is no dependency of the project:

    python3.11 -m venv /tmp/fuzz && /tmp/fuzz/bin/pip install atheris smpplib msgspec msgpack numpy
    PYTHONPATH=. /tmp/fuzz/bin/python tests/fuzz/smpp.py -max_total_time=300 -max_len=4096 CORPUS_FOLDER

The first run fills an empty corpus folder with conversations that make sense, to begin from.
"""

import importlib
import sys
from pathlib import Path
from typing import Final

from carriers.customers.joining import join_parts
from carriers.customers.message_ids import read_id
from carriers.customers.reading import Fault, group_of, pack_submission, read, unpack_submission
from carriers.smpp import commands as c
from carriers.smpp import events as e
from carriers.smpp.handsets import read_inbound
from carriers.smpp.law import SessionState, Side
from carriers.smpp.messages import Data, Message, pack_data, pack_message
from carriers.smpp.multi import Destination, SubmitMulti, pack_multi, read_multi_resp
from carriers.smpp.operations import Bind, Found, Query, Replace, pack_bind, pack_found, pack_query, pack_replace, read_found
from carriers.smpp.pdu import MAX_PDU_OCTETS, Framer, MalformedPdu, pack_pdu
from carriers.smpp.receipts import read_receipt, write_receipt
from carriers.smpp.session import Session, Timers
from router.inbound import keyword_of, read_address
from router.settings import SmppAccount
from router.text.reading import decode

WINDOW: Final = 5
TIMERS: Final = Timers(in_hand_s=5, inactivity_s=100)
# The first octet says who we are, how far the session has come, and how the rest is read.
SMSC: Final = 0x01
BOUND: Final = 0x02
FRAMED: Final = 0x04  # the rest is (command, octets, sequence, body) and not raw octets
SLOW: Final = 0x08  # requests are answered at the end only
TIMED: Final = 0x10  # time passes until something is due
COMMANDS: Final = (*c.COMMAND_NAMES, *(number | c.RESPONSE for number in c.COMMAND_NAMES), c.GENERIC_NACK, 0x777)
ACCOUNT: Final = SmppAccount(system_id="me", tenant="me", password="scrypt$2$1$1$00$" + "00" * 32)
MESSAGE: Final = Message("12345", "447700900123", b"hello", registered_delivery=1)
BODY: Final = pack_message(MESSAGE)
CHUNKS: Final = (1, 3, 16, 17, 64, 200, 1_000, 70_000)
_REQUESTS: Final = {Side.ESME: c.SUBMIT_SM, Side.SMSC: c.DELIVER_SM}
_SILENCE_S: Final = 40.0  # more than any answer to an enquire_link may take


def talk(data: bytes) -> None:
    """One conversation; ``AssertionError`` or whatever the core raises when something is wrong."""
    if len(data) < 3:
        return
    flags, chunk, rest = data[0], CHUNKS[data[1] % len(CHUNKS)], data[2:]
    octets = _framed(rest) if flags & FRAMED else rest
    side = Side.SMSC if flags & SMSC else Side.ESME
    talker = _Talker(side, bound=bool(flags & BOUND), slow=bool(flags & SLOW))
    for start in range(0, len(octets), chunk):
        talker.hear(octets[start : start + chunk])
        if flags & TIMED:
            talker.wait()
    talker.end()


class _Talker:
    """Our side: asks, answers, keeps count."""

    def __init__(self, side: Side, *, bound: bool, slow: bool) -> None:
        self.now_s = 0.0
        self.heard = 0
        self.written = 0
        self.sent: list[int] = []
        self.ended: list[int] = []
        self.in_hand: list[e.Request] = []
        self.slow = slow
        self.session = Session(side, TIMERS, now_s=0, window=WINDOW)
        if side is Side.ESME:
            self.session.bind(c.BIND_TRANSCEIVER, Bind("me", "secret"), 0)
            if bound:
                self.hear(pack_pdu(c.BIND_TRANSCEIVER | c.RESPONSE, 0, 1, b"smsc\0"))
        elif bound:
            self.hear(pack_pdu(c.BIND_TRANSCEIVER, 0, 1, pack_bind(Bind("me", "secret"))))

    def hear(self, octets: bytes) -> None:
        """Octets from the peer."""
        self.now_s += 0.01
        self.heard += len(octets)
        closed = self.session.state is SessionState.CLOSED
        events = self.session.receive(octets, self.now_s)
        assert not (closed and events)
        assert len(self.session._framer._part) <= MAX_PDU_OCTETS
        self._take(events)
        self._ask()
        self._write()

    def wait(self) -> None:
        """Time passes: whatever is due is done, and is not due again at once."""
        due_s = self.session.next_timer()
        if due_s is None:
            # a client whose bind was refused waits for its caller's decision
            assert self.session.state is SessionState.CLOSED or (self.session.side, self.session.state) == (
                Side.ESME,
                SessionState.OPEN,
            )
            return
        self.now_s = max(self.now_s, due_s)
        self._take(self.session.handle_timer(self.now_s))
        again_s = self.session.next_timer()
        assert again_s is None or again_s > self.now_s
        self._write()

    def end(self) -> None:
        """The rest is answered, then silence until the session closes by itself, or the link is cut."""
        self.slow = False
        self._take([])
        self._write()
        for _ in range(10):
            self.wait()
        if self.session.state is not SessionState.CLOSED and self.session.bound:
            raise AssertionError("a silent peer holds the session open")
        self._take(self.session.lost("cut"))
        assert sorted(self.ended) == self.sent
        assert not self.session.unanswered
        assert self.session.handle_timer(self.now_s + 1_000) == self.session.receive(b"\0", self.now_s) == []
        assert self.written <= 1_000 + 40 * self.heard

    def _take(self, events: list[e.Event]) -> None:
        for event in events:
            match event:
                case e.Asked(requests):
                    self.in_hand += [request for request in requests if request.command != c.ALERT_NOTIFICATION]
                    _read(requests, self.session.side)
                case e.Answered(answers):
                    self.ended += [answer.context for answer in answers if not answer.late]
                    for answer in answers:
                        _read_answer(answer)
                case e.Overdue(requests):
                    self.ended += [request.context for request in requests]
                case e.BindAsked():
                    self.session.answer_bind(event, 0, self.now_s, system_id="smsc")
                case e.Closed(reason, requests):
                    assert reason
                    assert event is events[-1]
                    assert self.session.state is SessionState.CLOSED
                    self.ended += [request.context for request in requests]
                case e.Bound() | e.BindRefused() | e.Malformed() | e.Unbinding():
                    pass
        assert self.session.in_hand == len(self.in_hand) or self.session.state is SessionState.CLOSED
        if not self.slow:
            for request in self.in_hand:
                self.session.respond(request.command, request.sequence, 0x58 if request.sequence % 3 else 0)
            self.in_hand.clear()

    def _ask(self) -> None:
        command = _REQUESTS[self.session.side]
        if self.session.room and command in self.session._sendable:
            self.sent.append(len(self.sent))
            self.session.request(command, BODY, self.sent[-1], self.now_s)

    def _write(self) -> None:
        octets = self.session.bytes_to_send()
        self.written += len(octets)
        framer = Framer()
        framer.feed(octets)
        assert framer.lost is None
        assert not framer.unfinished


def _read(requests: list[e.Request], side: Side) -> None:
    """What those behind the session read."""
    for _, _, body in requests:
        if isinstance(body, Message | Data):
            if side is Side.SMSC:
                _submitted(body)
            else:
                _delivered(body)
        elif isinstance(body, SubmitMulti):
            for destination in body.destinations[:2]:
                _submitted(body.to(destination))
        elif isinstance(body, Query):
            read_id(body.message_id)


def _submitted(message: Message | Data) -> None:
    submission = read(message, ACCOUNT)
    if not isinstance(submission, Fault):
        assert unpack_submission(pack_submission(submission)) == submission
        assert len(group_of(submission, ACCOUNT)) == 16
        assert isinstance(join_parts([submission, submission], ACCOUNT).text, str)


def _delivered(message: Message | Data) -> None:
    octets = message.short_message if isinstance(message, Message) else b""
    if read_receipt(octets, message.tlvs, esm_class=message.esm_class, by_text=True) is None:
        inbound = read_inbound(message, 0.0)
        read_address(inbound.source, inbound.source_ton)
        keyword_of(decode(inbound.octets, inbound.data_coding, udh=False))


def _read_answer(answer: e.Answer) -> None:
    for reader in (read_found, read_multi_resp):
        try:
            reader(answer.raw)
        except MalformedPdu:
            continue


def _framed(rest: bytes) -> bytes:
    """Whole PDUs of any commands and bodies, so that what is under the framing is reached."""
    octets = bytearray()
    at = 0
    while at + 3 <= len(rest):
        command, length, sequence = COMMANDS[rest[at] % len(COMMANDS)], rest[at + 1], rest[at + 2]
        octets += pack_pdu(command, 0x58 if sequence & 0x80 else 0, sequence & 0x7F, rest[at + 3 : at + 3 + length])
        at += 3 + length
    return bytes(octets)


def seeds() -> list[bytes]:
    """Conversations that make sense, of both sides."""
    text, tlvs = write_receipt("M1", "DELIVRD", submitted_s=0, done_s=60)
    receipt = pack_message(Message("447700900123", "12345", text, esm_class=4, tlvs=tlvs))
    data = pack_data(Data("447700900123", "12345", esm_class=4, tlvs={**tlvs, c.TLV_MESSAGE_PAYLOAD: text}))
    multi = pack_multi(SubmitMulti(MESSAGE, (Destination("1", 1, 1), Destination("list", flag=2))))
    esme: list[tuple[int, bytes]] = [
        (c.SUBMIT_SM | c.RESPONSE, b"M1\0"),
        (c.DELIVER_SM, receipt),
        (c.DATA_SM, data),
        (c.ALERT_NOTIFICATION, b"\0\x00447700900123\0\0\x00esme\0"),
        (c.QUERY_SM | c.RESPONSE, pack_found(Found("M1", "", 2, 0))),
        (c.ENQUIRE_LINK, b""),
        (c.UNBIND, b""),
    ]
    smsc: list[tuple[int, bytes]] = [
        (c.SUBMIT_SM, BODY),
        (c.SUBMIT_MULTI, multi),
        (c.DATA_SM, data),
        (c.QUERY_SM, pack_query(Query("M1"))),
        (c.CANCEL_SM, b"\0M1\0\0\0\0\0\0\0"),
        (c.REPLACE_SM, pack_replace(Replace("M1", b"other"))),
        (c.DELIVER_SM | c.RESPONSE, b"\0"),
        (c.UNBIND, b""),
    ]
    made = []
    for side, pdus in ((0, esme), (SMSC, smsc)):
        raw = b"".join(pack_pdu(command, 0, number, body) for number, (command, body) in enumerate(pdus, 1))
        framed = b"".join(bytes((COMMANDS.index(command), len(body), n)) + body for n, (command, body) in enumerate(pdus, 1))
        for more in (0, SLOW, TIMED):
            made += [bytes((side | BOUND | more, 4)) + raw, bytes((side | BOUND | FRAMED | more, 7)) + framed]
    text = "Füße: π €".encode("utf-16-be")
    parts = [
        pack_message(MESSAGE._replace(short_message=b"\x05\x00\x03\x07\x02\x01" + text, esm_class=0x43, data_coding=8)),
        pack_message(MESSAGE._replace(tlvs={0x020C: b"\0\7", 0x020E: b"\2", 0x020F: b"\1", 0x1400: b"it"}, data_coding=0xF0)),
        pack_message(
            MESSAGE._replace(
                short_message=b"", tlvs={c.TLV_MESSAGE_PAYLOAD: text * 9}, data_coding=8, validity="0" * 8 + "100000" + "0R"
            )
        ),
        pack_message(MESSAGE._replace(short_message=b"\x03\x24\x01\x01\x1b\x65", esm_class=0x40, data_coding=0x10)),
    ]
    for side, command in ((0, c.DELIVER_SM), (SMSC, c.SUBMIT_SM)):
        made.append(bytes((side | BOUND, 7)) + b"".join(pack_pdu(command, 0, n, body) for n, body in enumerate(parts, 1)))
    return made


def main(arguments: list[str]) -> None:
    """Run under atheris until its limits, or until something breaks."""
    atheris = importlib.import_module("atheris")  # of whoever fuzzes: it is not declared

    folders = [Path(argument) for argument in arguments[1:] if not argument.startswith("-")]
    for folder in folders[:1]:
        folder.mkdir(parents=True, exist_ok=True)
        if not any(folder.iterdir()):
            for number, seed in enumerate(seeds()):
                (folder / f"seed-{number}").write_bytes(seed)
    atheris.instrument_all()
    atheris.Setup(arguments, talk)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv)
