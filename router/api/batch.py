"""POST /v1/messages/batch: up to 10,000 messages in one body, a result for each; a bad item never sinks its neighbours."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Final

import msgspec

from router.api.http import JSON, MSGPACK, NDJSON, Call, Reply
from router.api.idempotency import REPLAYED, Idempotency, Keyed, submit
from router.api.items import BATCH_LIMIT, BatchAnswer, BatchMeta, Item, ItemAnswer, ItemRefused, read_items
from router.api.problems import Problem, Refusal, code_of, problem, summary
from router.api.send import (
    RETRY_SHED_S,
    journal_code,
    journal_detail,
    journal_status,
    limit_code,
    limit_detail,
    refuse_journal,
    shed_status,
)
from router.ids import ENTROPY_OCTETS, MessageId, derived_id, make_id, to_text
from router.intake import CLASS_OF, first_status, seal, settle
from router.journal.port import Accepted, JournalError, JournalFull
from router.limits import Admitted, Refused
from router.message import Malformed
from router.present import cost_of, rfc3339
from router.record import Body

BATCH_BODY_LIMIT: Final = 16 * 1_048_576  # octets: 1.6 kB a message
RUN: Final = 100  # messages that share a partition and a script call: beyond that a call gains little more
SLICE: Final = 400  # messages settled before single requests get their turn: some 2 ms

_BATCH_PLACE: Final = 0xFFFF_FFFF  # the place that the batch's own id is derived from; no item has it
_encode_json: Final = msgspec.json.Encoder().encode
_encode_msgpack: Final = msgspec.msgpack.Encoder().encode


class BatchSender:
    """Batches."""

    def __init__(self, idempotency: Idempotency) -> None:
        self._idempotency = idempotency

    async def post(self, call: Call) -> Reply:
        """Handle POST /v1/messages/batch."""
        media = call.media()
        if media not in {JSON, NDJSON, MSGPACK}:
            raise Refusal("unsupported_media_type", "Send application/json, application/x-ndjson or application/msgpack.")
        octets = await call.body(BATCH_BODY_LIMIT)
        keyed = self._idempotency.key_of(call)
        items = read_items(octets, media)
        if isinstance(items, Malformed):
            raise Refusal("malformed_body", items.detail)
        if not items:
            raise Refusal("malformed_body", "A batch has at least one message.")
        if len(items) > BATCH_LIMIT:
            raise Refusal("too_large", f"A batch has at most {BATCH_LIMIT} messages.")
        if keyed is None:
            return await _Batch(call, items, None).run(octets, self._idempotency)
        with self._idempotency.under_way(keyed.digest):
            return await _Batch(call, items, keyed).run(octets, self._idempotency)


class _Batch:
    """One batch on its way through: settle, admit, make durable, answer."""

    def __init__(self, call: Call, items: Sequence[Item], keyed: Keyed | None) -> None:
        self.call = call
        self.items = items
        self.keyed = keyed
        self.results: list[ItemAnswer | ItemRefused | None] = [None] * len(items)
        self.places: list[int] = []  # the items that still stand
        self.bodies: list[Body] = []
        self.created_ms = call.now_ms
        self.batch_id = self._batch_id(call.now_ms)
        self.accepted = 0
        self.replayed = False

    def _batch_id(self, created_ms: int) -> str:
        if self.keyed is not None:
            return to_text(derived_id(created_ms, self.keyed.partition, self.keyed.digest, _BATCH_PLACE))
        return to_text(make_id(created_ms, 0, self.call.front.entropy(ENTROPY_OCTETS)))

    async def run(self, octets: bytes, idempotency: Idempotency) -> Reply:
        """The whole way."""
        faulty = await self._settle()
        if faulty:
            await self._refuse_faulty(faulty, octets, idempotency)
        if self.places:
            self._admit()
        if self.places:
            if self.keyed is None:
                await self._submit()
            else:
                await self._submit_keyed(octets, idempotency, self.keyed)
        return self._reply()

    def _refuse(self, place: int, error: Problem) -> None:
        self.results[place] = ItemRefused(place, error)

    async def _settle(self) -> dict[int, Problem]:
        """Settle what can be; returns what stands against the others, by index."""
        call = self.call
        terms, tenant, now_ms, batch_id = call.front.terms, call.tenant, call.now_ms, self.batch_id
        keyed = self.keyed is not None
        sheds = {klass: call.front.sheds(klass) for klass in CLASS_OF}
        faulty: dict[int, Problem] = {}
        for begin in range(0, len(self.items), SLICE):
            if begin:
                await asyncio.sleep(0)
            for place, item in enumerate(self.items[begin : begin + SLICE], begin):
                if isinstance(item, Problem):
                    error = item
                else:
                    body = settle(item, tenant, terms, now_ms, batch_id=batch_id, keyed=keyed)
                    if isinstance(body, list):
                        error = problem(code_of(body), summary(body), faults=body)
                    elif reason := sheds[klass := CLASS_OF[body.klass]]:
                        error = problem("shed", reason, status=shed_status(klass))
                    else:
                        self.places.append(place)
                        self.bodies.append(body)
                        continue
                faulty[place] = error
        return faulty

    async def _refuse_faulty(self, faulty: dict[int, Problem], octets: bytes, idempotency: Idempotency) -> None:
        """Refuse these, but those that were accepted under the request's key before."""
        standing: dict[int, tuple[MessageId, Body]] = {}
        once_fit = [place for place in faulty if not isinstance(self.items[place], Problem)]
        if self.keyed is not None and once_fit:
            try:
                standing = await idempotency.standing(self.call, self.keyed, octets, once_fit)
            except JournalError as down:
                refuse_journal(self.call, down, len(self.items))
        if standing:
            _, body = next(iter(standing.values()))
            self.created_ms, self.batch_id, self.replayed = body.created_ms, body.batch_id, True
            ids, bodies = zip(*standing.values(), strict=True)
            self._accept(list(standing), ids, bodies, [False] * len(standing))
        refused: Counter[str] = Counter()
        for place, error in faulty.items():
            if place not in standing:
                self._refuse(place, error)
                refused[error.code] += 1
        for code, messages in refused.items():
            self.call.front.count_refused(self.call.tenant.id, code, messages)

    def _admit(self) -> None:
        """Spend tokens for as many as the tenant may send now, from the first on; the others are refused one by one."""
        front, tenant = self.call.front, self.call.tenant.id
        wanted = len(self.bodies)
        limits = front.admit(tenant, wanted, sum(body.cost_micros for body in self.bodies))
        first = limits
        while isinstance(limits, Refused) and wanted:
            fits = min(wanted - 1, limits.remaining) if limits.rule != "tenant" else 0
            if limits.rule == "spend":
                fits = min(fits, self._affordable(limits.micros_left))
            wanted = fits
            if wanted:
                limits = front.admit(tenant, wanted, sum(body.cost_micros for body in self.bodies[:wanted]))
        self.call.limits = limits
        if isinstance(first, Admitted):
            return
        code = limit_code(first)
        front.count_refused(tenant, code, len(self.bodies) - wanted)
        if not wanted:
            raise Refusal(code, limit_detail(first), retry_after_s=first.retry_after_s)
        error = problem(code, limit_detail(first))
        for place in self.places[wanted:]:
            self._refuse(place, error)
        del self.places[wanted:]
        del self.bodies[wanted:]

    def _affordable(self, micros_left: int) -> int:
        total = 0
        for count, body in enumerate(self.bodies):
            total += body.cost_micros
            if total > micros_left:
                return count
        return len(self.bodies)

    # -- durable --------------------------------------------------------------------------------------------------
    async def _submit(self) -> None:
        """In runs of one partition each, all at once: what one partition's server refuses does not touch the others."""
        front, tenant, now_ms = self.call.front, self.call.tenant, self.created_ms
        entropy = front.entropy(ENTROPY_OCTETS * len(self.bodies))
        ids: list[MessageId] = []
        runs = []
        for begin in range(0, len(self.bodies), RUN):
            partition = front.partition()
            end = min(begin + RUN, len(self.bodies))
            ids += [
                make_id(now_ms, partition, entropy[at : at + ENTROPY_OCTETS])
                for at in range(begin * ENTROPY_OCTETS, end * ENTROPY_OCTETS, ENTROPY_OCTETS)
            ]
            runs.append(submit(front, [seal(ids[n], self.bodies[n], tenant) for n in range(begin, end)]))
        outcomes = await asyncio.gather(*runs, return_exceptions=True)
        failed: JournalError | None = None
        for number, outcome in enumerate(outcomes):
            part = slice(number * RUN, number * RUN + RUN)
            if isinstance(outcome, JournalError):
                failed = outcome
                self._fail(self.places[part], self.bodies[part], outcome)
            elif isinstance(outcome, BaseException):
                raise outcome
            else:
                self._sort(self.places[part], ids[part], self.bodies[part], outcome)
        if failed is not None and not self.accepted:
            refuse_journal(self.call, failed, 0)

    def _sort(
        self, places: Sequence[int], ids: Sequence[MessageId], bodies: Sequence[Body], outcome: Sequence[Accepted | JournalFull]
    ) -> None:
        """Accept what was written; what the journal has no room for is refused, item by item."""
        full = {n: one for n, one in enumerate(outcome) if isinstance(one, JournalFull)}
        if full:
            for n, error in full.items():
                self._fail(places[n : n + 1], bodies[n : n + 1], error)
            kept = [n for n in range(len(places)) if n not in full]
            places, ids, bodies = [places[n] for n in kept], [ids[n] for n in kept], [bodies[n] for n in kept]
        # Without a key a record that stood there before was written by the same call, made again after a time-out
        fresh = [one.fresh or self.keyed is None for one in outcome if isinstance(one, Accepted)]
        self.replayed |= not all(fresh)
        self._accept(places, ids, bodies, fresh)

    def _fail(self, places: Sequence[int], bodies: Sequence[Body], error: JournalError) -> None:
        code = journal_code(error)
        for place, body in zip(places, bodies, strict=True):
            self._refuse(place, problem(code, journal_detail(error), status=journal_status(error, CLASS_OF[body.klass])))
        self.call.front.count_refused(self.call.tenant.id, code, len(places))

    async def _submit_keyed(self, octets: bytes, idempotency: Idempotency, keyed: Keyed) -> None:
        """All in the key's own partition."""

        def again(created_ms: int) -> list[Body]:
            self.created_ms, self.batch_id = created_ms, self._batch_id(created_ms)
            return [self._resettle(place, body) for place, body in zip(self.places, self.bodies, strict=True)]

        try:
            done = await idempotency.submit(self.call, keyed, octets, self.places, self.bodies, again)
        except JournalError as error:
            refuse_journal(self.call, error, len(self.places))
        self._sort(self.places, done.ids, done.bodies, done.outcome)

    def _resettle(self, place: int, body: Body) -> Body:
        item = self.items[place]
        if isinstance(item, Problem):
            return body
        settled = settle(item, self.call.tenant, self.call.front.terms, self.created_ms, batch_id=self.batch_id, keyed=True)
        return body if isinstance(settled, list) else settled

    def _accept(self, places: Sequence[int], ids: Sequence[MessageId], bodies: Sequence[Body], fresh: Sequence[bool]) -> None:
        created_at = rfc3339(self.created_ms)
        counts: dict[int, list[int]] = {}
        for n, (place, message_id, body) in enumerate(zip(places, ids, bodies, strict=True)):
            self.results[place] = ItemAnswer(
                index=place,
                id=to_text(message_id),
                status=first_status(body),
                segments=body.segments,
                encoding=body.encoding,
                cost=cost_of(body.cost_micros, body.currency),
                created_at=created_at,
            )
            if fresh[n]:
                count = counts.setdefault(body.klass, [0, 0])
                count[0] += 1
                count[1] += body.segments
        self.accepted += len(places)
        for klass, (messages, segments) in counts.items():
            self.call.front.count_accepted(self.call.tenant.id, CLASS_OF[klass], messages, segments)

    # -- answer ---------------------------------------------------------------------------------------------------
    def _reply(self) -> Reply:
        results = [result for result in self.results if result is not None]
        value = BatchAnswer(
            results,
            BatchMeta(
                accepted=self.accepted, refused=len(results) - self.accepted, batch_id=self.batch_id if self.accepted else None
            ),
        )
        status, headers = (202, []) if self.accepted else self._none_accepted(results)
        if self.replayed:
            headers.append(REPLAYED)
        if self.call.wants_msgpack():
            return Reply(status, _encode_msgpack(value), MSGPACK, headers)
        return Reply(status, _encode_json(value), JSON, headers)

    def _none_accepted(self, results: Sequence[ItemAnswer | ItemRefused]) -> tuple[int, list[tuple[bytes, bytes]]]:
        """422; but when every one was refused for want of room, the whole request was, and is worth sending again."""
        refusals = {(result.error.code, result.error.status) for result in results if isinstance(result, ItemRefused)}
        if {code for code, _ in refusals} <= {"shed", "journal_full"}:
            return max(status for _, status in refusals), [(b"retry-after", b"%d" % RETRY_SHED_S)]
        return 422, []
