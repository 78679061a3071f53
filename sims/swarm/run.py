"""One seed, from the first process to the verdict."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

import msgspec

from router.ids import to_text
from router.journal.memory import MemoryJournal
from router.model import STATES_OF_STATUS, Status
from router.record import UnreadableRecord, unpack_body, unpack_events
from sims.invariants import Breach, Ended, History, Promise, Seen, Verdict, examine
from sims.swarm.cast import Cast
from sims.swarm.director import Director
from sims.swarm.plan import FAULTS_S, Plan, draw
from sims.swarm.stage import Stage
from sims.swarm.wires import LATENCY_S

HEALED_S: Final = FAULTS_S + 2.0  # from here on nothing is broken
DRAIN_S: Final = 600.0  # by then everything has ended: the second attempt at a webhook comes five minutes after the first
LOOK_S: Final = 0.5
MOST_LINES: Final = 120  # of a history: a message that is tried all through its life writes some two a second
LINES_PER_S: Final = 4  # beyond these, for each second that clocks are off
EVENTS: Final = 60  # of a message, in a report
# A submit may reach its carrier so long after its message has ended by a receipt for an earlier copy: the two cross on their way.
CROSSING_US: Final = 2_000_000


class Outcome(NamedTuple):
    """What became of a seed."""

    seed: int
    digest: str  # equal ones: the same happened
    kinds: tuple[str, ...]  # what was broken
    verdict: Verdict
    failures: tuple[str, ...]  # of processes, and of the run itself
    accepted: int
    submits: int
    virtual_s: float
    steps: int
    report: str  # of a failed run: every breach with the last events of its message

    @property
    def clean(self) -> bool:
        """Nothing is wrong with it."""
        return self.verdict.clean and not self.failures


def play(seed: int, cast: Cast, journal: Callable[..., MemoryJournal] = MemoryJournal) -> Outcome:
    """Play a seed. The same seed gives the same outcome, in any process."""
    with _no_collections():
        return _play(draw(seed), cast, journal)


@contextmanager
def _no_collections() -> Iterator[None]:
    """A run makes much that lives until its end, and is over soon: looking for garbage in between took a third of its time."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def _play(plan: Plan, cast: Cast, journal: Callable[..., MemoryJournal]) -> Outcome:
    stage = Stage(plan, cast, journal)
    director = Director(stage)
    stage.loop.run(HEALED_S)
    director.heal()
    while stage.loop.time() < DRAIN_S:
        stage.loop.run(stage.loop.time() + LOOK_S)
        if not stage.customers.waiting and not stage.live and not stage.untold:
            break
    stage.loop.run(stage.loop.time() + LOOK_S)
    shown: list[Seen | Ended] = []
    for tenant in stage.tenants:
        stage.loop.create_task(_read(stage, tenant, shown))
    stage.loop.run(stage.loop.time() + 10.0)
    history = _history(plan, stage, director, shown)
    verdict = examine(history)
    failures = tuple(stage.failures) + tuple(_unfinished(stage))
    outcome = Outcome(
        plan.seed,
        stage.trace.digest,
        tuple(plan.kinds),
        verdict,
        failures,
        len({fact.id for fact in history.accepted or ()}),
        len(history.submits or ()),
        stage.loop.time(),
        stage.loop.steps,
        "",
    )
    if not outcome.clean:
        outcome = outcome._replace(report=_report(outcome, stage))
    stage.end()
    return outcome


def _unfinished(stage: Stage) -> Iterator[str]:
    if stage.customers.waiting:
        yield f"{stage.customers.waiting} requests were never answered"
    if stage.live:
        yield f"{stage.live} messages had not ended after {stage.loop.time():.0f} s"
    if stage.untold:
        yield f"{stage.untold} webhooks were not delivered after {stage.loop.time():.0f} s"
    # While two clocks disagree whether its validity is over, a message goes from one to the other.
    wrong_s = sum(abs(one.value) for one in stage.plan.happenings if one.kind == "clock")
    most = MOST_LINES + LINES_PER_S * wrong_s
    for book in stage.store.journal._books:  # noqa: SLF001 (a look from outside of time)
        for message_id, entry in book.records.items():
            lines = len(unpack_events(entry.events))
            if lines > most:
                yield f"{to_text(message_id)} went round and round: its history has {lines} lines"


async def _read(stage: Stage, tenant: str, shown: list[Seen | Ended]) -> None:
    """Ask the API for a tenant's messages."""
    headers = {"authorization": f"Bearer {stage.plan.api_keys[tenant]}"}
    cursor = ""
    while True:
        status, body = await stage.exchange.call("front:#0", "request", "GET", f"/v1/messages?limit=500{cursor}", headers, b"")
        if status != 200:
            stage.failures.append(f"the API does not show {tenant}'s messages: {status}")
            return
        page: Any = msgspec.json.decode(body)
        for message in page["data"]:
            shown.append(Seen(stage.now_us(), message["id"], tenant, "GET /v1/messages"))
            state = STATES_OF_STATUS[Status(message["status"])][0]
            if state.final:
                shown.append(Ended(stage.now_us(), message["id"], state))
        if not page["meta"].get("has_more"):
            return
        cursor = f"&after={page['meta']['next_cursor']}"


def _history(plan: Plan, stage: Stage, director: Director, shown: list[Seen | Ended]) -> History:
    """The facts, under the ids that the API shows."""
    ids = ids_of(stage)
    witnesses = [counter.witness for counter in stage.counters.values()]
    accepted = stage.customers.accepted
    # Holds are counted by clocks of carriers: where these are set wrong on purpose, how long they were says nothing.
    wrong = "clock" in plan.kinds
    promises = {}
    for klass in {fact.klass for fact in accepted}:
        promise = Promise.of(plan.settings.rules(klass))
        promises[klass] = promise._replace(hold_us=0) if wrong else promise
    return History(
        accepted=accepted,
        submits=[fact._replace(id=ids.get(fact.id, fact.id)) for witness in witnesses for fact in witness.submits],
        answers=[fact._replace(id=ids.get(fact.id, fact.id)) for witness in witnesses for fact in witness.answers],
        receipts=[fact._replace(id=ids.get(fact.id, fact.id)) for witness in witnesses for fact in witness.receipts()],
        deliveries=stage.endpoint.deliveries,
        dead={to_text(notice.id) for notice in stage.store.now("dead_notices", 1_000_000)},
        ended=[*stage.ended, *(fact for fact in shown if isinstance(fact, Ended))],
        faults=director.faults,
        hang_ups=[fact for witness in witnesses for fact in witness.hang_ups],
        seen=[fact for fact in shown if isinstance(fact, Seen)],
        conservation=stage.store.now("check"),
        speeds_mps={profile.name: profile.speed_mps for profile in plan.settings.carriers},
        promises=promises,
        timeouts_us={profile.name: int(profile.response_timeout_s * 1e6) for profile in plan.settings.carriers},
        slack_us=CROSSING_US,
        jitter_us=int(1e6 * (LATENCY_S[1] - LATENCY_S[0])) + 2_000,
    )


def ids_of(stage: Stage) -> dict[str, str]:
    """The message that each number is for."""
    found = {}
    for book in stage.store.journal._books:  # noqa: SLF001 (a look from outside of time)
        for message_id, entry in book.records.items():
            try:
                found[unpack_body(entry.body).to] = to_text(message_id)
            except UnreadableRecord:
                stage.failures.append(f"the record of {to_text(message_id)} cannot be read")
    return found


def _report(outcome: Outcome, stage: Stage) -> str:
    """What is wrong, and what led to it."""
    numbers = {message_id: number for number, message_id in ids_of(stage).items()}
    lines = [f"seed {outcome.seed}: {', '.join(outcome.kinds)} ({outcome.digest})", *outcome.failures]
    told: set[str] = set()
    for breach in outcome.verdict.breaches:
        lines.append(_headline(breach))
        if breach.message and breach.message not in told:
            told.add(breach.message)
            marks = (breach.message[-6:], numbers.get(breach.message, ""))
            lines += (f"    {line}" for line in stage.trace.about(marks, EVENTS))
    return "\n".join(lines)


def _headline(breach: Breach) -> str:
    return f"{breach.rule}: {breach.message} {breach.what}"
