"""Whatever a carrier answers, forgets or cuts: every message gets one verdict, and it is the true one."""

from collections import Counter
from random import Random
from typing import get_args

from hypothesis import given, settings
from hypothesis import strategies as st

from carriers.lane import Lane
from carriers.port import Answer, Outgoing, ReceiptIn, Verdict
from carriers.smpp import commands as c
from carriers.smpp import events as e
from carriers.smpp.counters import LinkCounters
from carriers.smpp.id_watch import IdWatch
from carriers.smpp.law import Side
from carriers.smpp.messages import Message
from carriers.smpp.operations import Bind, Found, Query, pack_found
from carriers.smpp.queries import Queries
from carriers.smpp.session import Session, Timers
from carriers.smpp.traffic import Traffic
from router.ids import make_id
from router.model import MessageClass
from router.record import Body
from router.settings import CarrierProfile, LongMessages

TIMERS = Timers(enquire_link_s=0.0, response_s=20.0)


class Wire:
    """Both ends of a session, and what the far end has taken. Stands where a seat and its shell stand."""

    def __init__(self, number: int, window: int, now_s: float) -> None:
        self.number = number
        self.session = Session(Side.ESME, TIMERS, now_s=now_s, window=window)
        self.far = Session(Side.SMSC, TIMERS, now_s=now_s)
        self.asked: list[e.Request] = []
        self.session.bind(c.BIND_TRANSCEIVER, Bind("me"), now_s)
        (asked,) = self.far.receive(self.session.bytes_to_send(), now_s)
        assert isinstance(asked, e.BindAsked)
        self.far.answer_bind(asked, 0, now_s)
        self.session.receive(self.far.bytes_to_send(), now_s)
        self.now_s = now_s

    @property
    def shell(self) -> "Wire":
        return self

    @property
    def bound(self) -> bool:
        return self.session.bound

    @property
    def room(self) -> int:
        return self.session.room

    def flush(self) -> None:
        for event in self.far.receive(self.session.bytes_to_send(), self.now_s):
            if isinstance(event, e.Asked):
                self.asked += event.requests

    def answered(self, answers: list[e.Answer], now_s: float) -> None:
        assert answers

    @property
    def window(self) -> int:
        return 6

    def complained(self, now_s: float, written_s: float) -> None:
        assert written_s <= now_s

    def unbind(self, reason: str) -> None:
        assert reason
        self.session.unbind(self.now_s)


async def unheard(_: list[ReceiptIn]) -> None:
    """Receipts are not what is looked at here."""


def marked(message: Message) -> str:
    """How a part is marked."""
    if message.esm_class & 0x40:
        return "udh8" if message.short_message[0] == 5 else "udh16"
    if c.TLV_SAR_REFERENCE in message.tlvs:
        return "sar"
    return "payload" if c.TLV_MESSAGE_PAYLOAD in message.tlvs else ""


def disliked(message: Message, dislikes: tuple[str, ...]) -> int:
    """The status of a carrier that takes no validity_period, or no parts marked in one way."""
    if "validity" in dislikes and message.validity:
        return 0x62
    way = marked(message)
    return (0x43 if way.startswith("udh") else 0xC1) if way and way in dislikes else 0


@settings(max_examples=120, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    window=st.integers(1, 6),
    speed=st.sampled_from((0, 0, 5, 50)),
    trouble=st.sampled_from((0.0, 0.05, 0.05, 0.3)),
    marks=st.sampled_from(get_args(LongMessages)),
    fussy=st.sampled_from((0.0, 0.0, 0.5, 1.0)),  # carriers that refuse validity_period or a way of marking, always or at times
    query_after=st.sampled_from((0.0, 3.0)),
)
def test_one_true_verdict_for_every_message(seed, window, speed, trouble, marks, fussy, query_after):
    rng = Random(seed)
    now_s = 1000.0
    profile = CarrierProfile(
        name="acme", addresses=("h:1",), system_id="me", speed_mps=speed, long_messages=marks, query_after_s=query_after
    )
    dislikes = rng.choice((("validity",), (marks,), ("validity", marks)))
    lane = Lane(speed, now_s)
    counters = LinkCounters()
    queries = Queries(
        profile, lane, counters=counters, on_receipts=unheard, on_due=lambda: None, clock=lambda: now_s, wall=lambda: 0.0
    )
    traffic = Traffic(
        profile,
        lane,
        counters=counters,
        ids=IdWatch("exact"),
        clock=lambda: now_s,
        wall=lambda: 0.0,
        rng=rng,
        queries=queries if query_after else None,
    )
    wires = [Wire(n, window, now_s) for n in range(2)]
    traffic.senders = wires
    told: dict[bytes, list[Answer]] = {}
    accepted: Counter[str] = Counter()
    kinds: dict[str, set[str]] = {}  # ways of marking among what was accepted, by sender, of which each message has its own
    forgotten: list[tuple[Wire, e.Request]] = []
    made = 0

    def name() -> bytes:
        return b"id%d\0" % rng.randrange(1 << 40)

    def outgoing() -> Outgoing:
        nonlocal made
        made += 1
        klass = rng.choice(list(MessageClass))
        parts = rng.choice((1, 3))
        body = Body(
            tenant="t", to=f"44770090000{rng.randrange(8)}", sender=f"4477009{made:05}", text="x" * (20 if parts == 1 else 400), klass=int(klass),
            created_ms=0, expires_ms=10**9, encoding="gsm7", segments=parts, country="GB", network="",
        )  # fmt: skip
        return Outgoing(make_id(made, 0, made.to_bytes(10, "big")), 1, klass, body)

    def handle(wire: Wire, events: list[e.Event]) -> None:
        for event in events:
            match event:
                case e.Answered(answers):
                    traffic.answered(wire, answers, now_s)
                case e.Overdue(requests):
                    traffic.lost(requests, "no answer", now_s)
                case e.Closed(reason, unanswered):
                    traffic.lost(unanswered, reason, now_s)
                case _:
                    pass

    sent: dict[bytes, Outgoing] = {}
    for step in range(400):
        now_s += rng.choice((0.0, 0.01, 0.3, 1.0 if step > 150 else 0.01))
        if step < 150 and rng.random() < 0.5:
            batch = [outgoing() for _ in range(rng.randrange(1, 5))]
            sent |= {one.id: one for one in batch}
            traffic.add(batch, now_s)
        for at, ended in enumerate(wires):
            if not ended.asked and not ended.bound:
                handle(ended, ended.session.lost("cut"))
                wires[at] = Wire(at, window, now_s)
        while forgotten and rng.random() < 0.02:
            wire, request = forgotten.pop(0)
            assert isinstance(request.body, Message)
            if wire in wires and wire.far.bound:
                accepted[request.body.source] += 1
                kinds.setdefault(request.body.source, set()).add(marked(request.body))
                wire.far.respond(c.SUBMIT_SM, request.sequence, 0, name())
                handle(wire, wire.session.receive(wire.far.bytes_to_send(), now_s))
        for at, wire in enumerate(wires):
            wire.now_s = now_s
            rng.shuffle(wire.asked)
            while wire.asked and rng.random() < 0.8:
                request = wire.asked.pop()
                if isinstance(request.body, Query):
                    if rng.random() >= trouble:
                        found = pack_found(Found(request.body.message_id, "", rng.choice((1, 2)), 0))
                        wire.far.respond(c.QUERY_SM, request.sequence, *rng.choice(((0, found), (0x0C,), (0x08,))))
                        handle(wire, wire.session.receive(wire.far.bytes_to_send(), now_s))
                    continue
                assert isinstance(request.body, Message)
                status = 0 if rng.random() >= trouble else rng.choice((0x58, 0x58, 0x14, 0x14, 0x0B, 0x08, 0x04, 0x45))
                if not status and rng.random() < fussy:
                    status = disliked(request.body, dislikes)
                if rng.random() < trouble:
                    forgotten.append((wire, request))  # its timer ends it
                    continue
                if status == 0:
                    accepted[request.body.source] += 1
                    kinds.setdefault(request.body.source, set()).add(marked(request.body))
                wire.far.respond(c.SUBMIT_SM, request.sequence, status, name() if status == 0 else b"")
                handle(wire, wire.session.receive(wire.far.bytes_to_send(), now_s))
            handle(wire, wire.session.handle_timer(now_s))
            if rng.random() < trouble / 20:
                handle(wire, wire.session.lost("cut"))
                wires[at] = Wire(at, window, now_s)
        if any(wire.bound for wire in wires):
            traffic.pump(now_s)
            traffic.give_back("waited", now_s)
        else:
            traffic.give_back("nothing is bound")
        assert traffic.waiting >= 0
        for answer in traffic.answers:
            told.setdefault(answer.id, []).append(answer)
        traffic.answers = []
    traffic.give_back("closing")
    for wire in wires:
        handle(wire, wire.session.lost("closed"))
    for answer in traffic.answers:
        told.setdefault(answer.id, []).append(answer)

    assert traffic.waiting == 0
    assert traffic.messages == 0
    assert set(told) == set(sent)
    for message_id, answers in told.items():
        body = sent[message_id].body
        first, *rest = answers
        assert first.verdict is not Verdict.LATE
        assert [answer.verdict for answer in rest] in ([], [Verdict.LATE])
        if rest:
            assert first.verdict is Verdict.UNKNOWN
        if Verdict.ACCEPTED in (first.verdict, *(answer.verdict for answer in rest)):
            assert accepted[body.sender] == (1 if kinds.get(body.sender) == {"payload"} else body.segments)
            assert len(kinds.get(body.sender, ())) <= 1  # parts marked in two ways are never joined
            assert len(answers[-1].carrier_ids) == body.segments
        if first.verdict is Verdict.RETURNED:
            assert accepted[body.sender] == 0
        if trouble == 0 and fussy == 0:
            assert first.verdict in {Verdict.ACCEPTED, Verdict.RETURNED, Verdict.UNKNOWN}
