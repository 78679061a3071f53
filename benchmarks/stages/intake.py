"""The stages between a customer's request and a carrier's actor: accept; claim, plan and assign; and the end that needs no carrier."""

import os
import time
from collections.abc import Sequence
from typing import Final

import numpy as np

from actors.lanes import CarrierLane
from actors.metrics import Metrics
from actors.planner import Planner
from actors.triage import triage
from actors.turn import Turn
from actors.wire import Lane, Offered, Reply, pack_offer, unpack_offer
from benchmarks.stages.lab import ALL, CARRIER, DISPATCHER, KLASS, OWNER, Cost, Lab, chunks, count_for
from router.api.http import MSGPACK
from router.api.items import read_items
from router.brain.cells import FIGURES, Cells
from router.brain.port import Board
from router.ids import ENTROPY_OCTETS, PARTITIONS, make_id, to_text
from router.intake import seal, settle
from router.journal.port import Assign, Finish
from router.message import MessageIn, decode_message
from router.model import MessageClass, State
from router.present import answer, rfc3339
from router.record import Body, EventKind, pack_event
from router.rules import RuleBook
from sims.load.corpus import Corpus
from sims.load.options import LoadOptions

RUN: Final = 100  # messages of a batch request that share a partition and a script call
ROOM: Final = 100_000
OFFER: Final = 300


async def accept(lab: Lab, batch: int) -> Cost:
    """Octets of a request to messages on disk: read, settled, encrypted, accepted, answered. HTTP itself is left out."""
    count = count_for(batch)
    single = batch == 1
    options = LoadOptions(count=count, mode="single" if single else "batch", format="json" if single else "msgpack", batch=batch)
    corpus = Corpus(options)
    requests = [corpus.request(batch)[0] for _ in range(count // batch)]
    before = await lab.spent()
    for number, octets in enumerate(requests):
        now_ms = time.time_ns() // 1_000_000
        items = [decode_message(octets, packed=False)] if single else read_items(octets, MSGPACK)
        bodies = [body for item in items if isinstance(body := _settled(lab, item, now_ms), Body)]
        ids = [make_id(now_ms, (number + place // RUN) % PARTITIONS, os.urandom(ENTROPY_OCTETS)) for place in range(len(bodies))]
        intakes = [seal(message_id, body, lab.tenant) for message_id, body in zip(ids, bodies, strict=True)]
        for start in range(0, len(intakes), RUN):
            await lab.journal.accept(intakes[start : start + RUN])
        if single:
            answer(ids[0], bodies[0], rfc3339(now_ms))
        else:
            [to_text(message_id) for message_id in ids]
    found = await lab.cost("accept", batch, count, before)
    await empty(lab)
    return found


def _settled(lab: Lab, item: object, now_ms: int) -> object:
    return settle(item, lab.tenant, lab.terms, now_ms) if isinstance(item, MessageIn) else item


async def plan(lab: Lab, batch: int) -> Cost:
    """From the queue to a carrier's own: claimed, sorted, planned with a board, offered (packed and read), assigned."""
    count = count_for(batch)
    await lab.accepted(count)
    planner, lanes, book = _planner(lab)
    rules = {klass: lab.settings.rules(klass) for klass in MessageClass}
    before = await lab.spent()
    left = count
    while left > 0:
        claimed, _ = await lab.journal.claim(DISPATCHER, lab.lease.epoch, ALL, {KLASS: min(batch, left)})
        now_ms = time.time_ns() // 1_000_000
        pending = triage(claimed, rules, book, now_ms, time.monotonic()).pending
        turn = Turn(os.urandom(8), now_ms)
        turn.take(KLASS, pending, planner.plan(KLASS, pending, dict.fromkeys(lanes, ROOM), lanes))
        for entries in turn.offers.values():
            for start in range(0, len(entries), OFFER):
                offers = unpack_offer(pack_offer([offered for _, offered in entries[start : start + OFFER]]))
                await lab.journal.assign(OWNER, lab.epoch, [Assign(one.id, one.attempts, one.event) for one in offers])
        left -= len(claimed)
    return await lab.cost("claim, plan, assign", batch, count, before)


def _planner(lab: Lab) -> tuple[Planner, dict[str, CarrierLane], RuleBook]:
    planner = Planner(Metrics("dispatcher"))
    planner.retune(lab.settings)
    names = [profile.name for profile in lab.settings.carriers]
    networks = ["26201", "26202", "26203"]
    pairs = np.indices((len(names), len(networks))).reshape(2, -1)
    figures = np.empty((FIGURES, len(MessageClass), len(names), len(networks)))
    figures[:] = np.array([0.95, 2.0, 100.0, 0.02, *([0.02] * (FIGURES - 4))])[:FIGURES, None, None, None]
    planner.board = Board(1, time.time(), {}, Cells.packed(names, networks, pairs, figures))
    lanes = {name: CarrierLane(name, _Nobody(), lambda: None) for name in names}
    for lane in lanes.values():
        lane.heard(Lane(1, up=True, depth=ROOM, speed=5_000.0))
    return planner, lanes, RuleBook.compile(lab.settings)


class _Nobody:
    """A carrier that is never called: what is offered is read on the spot."""

    async def offer(self, batch: Sequence[Offered]) -> Reply:
        raise NotImplementedError

    async def lane(self, version: int, wait_s: float) -> Lane:
        raise NotImplementedError


async def finish(lab: Lab, batch: int) -> Cost:
    """The end of claimed messages that no receipt brings."""
    claimed = await lab.claimed(count_for(batch))
    before = await lab.spent()
    for some in chunks(claimed, batch):
        event = pack_event(time.time_ns() // 1_000_000, EventKind.FINAL, int(State.REJECTED), "no_route", True, "")
        await lab.journal.finish("", [Finish(one.id, State.REJECTED, event, one.attempts) for one in some], lab.lease)
    return await lab.cost("finish", batch, len(claimed), before)


async def empty(lab: Lab) -> None:
    """End what a stage has left in the queues: the next one claims its own."""
    while True:
        claimed, _ = await lab.journal.claim(DISPATCHER, lab.lease.epoch, ALL, dict.fromkeys(MessageClass, 500))
        if not claimed:
            return
        event = pack_event(time.time_ns() // 1_000_000, EventKind.FINAL, int(State.REJECTED), "no_route", True, CARRIER)
        await lab.journal.finish("", [Finish(one.id, State.REJECTED, event, one.attempts) for one in claimed], lab.lease)
