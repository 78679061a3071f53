"""Lives: what is accepted ends, once, and was not invented; one key is one message; the journal's sums come out."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Final

from router.model import MessageClass, State
from sims.invariants.copies import Breakage, attempts
from sims.invariants.facts import Ended, History
from sims.invariants.verdict import Found

# Ends that a message comes to only by way of a carrier.
BY_A_CARRIER: Final = frozenset({State.DELIVERED, State.UNDELIVERED})
PLACES: Final = ("queue", "claimed", "inflight", "due", "wait", "dead")


def ends(history: History) -> Iterator[Found]:
    """Every accepted message ends."""
    over = {fact.id for fact in history.ended or ()}
    for message_id in dict.fromkeys(fact.id for fact in history.accepted or ()):
        if message_id not in over:
            yield Found(message_id, "was accepted and never ended")


def one_end(history: History) -> Iterator[Found]:
    """An end is final: a message is never seen in two."""
    states: dict[str, State] = {}
    told = set()
    for fact in sorted(history.ended or ()):
        if states.setdefault(fact.id, fact.state) is not fact.state and fact.id not in told:
            told.add(fact.id)
            yield Found(fact.id, f"ended {states[fact.id].name} and then {fact.state.name}")


def carried(history: History) -> Iterator[Found]:
    """What ended at a handset was given to a carrier; what is not known to have, was, or a lost connection left it in doubt."""
    submitted = {fact.id for fact in history.submits or ()}
    broken = min((fact.at_us for fact in (*(history.faults or ()), *(history.hang_ups or ()))), default=None)
    for fact in dict.fromkeys(history.ended or ()):
        if fact.id in submitted:
            continue
        if fact.state in BY_A_CARRIER:
            yield Found(fact.id, f"ended {fact.state.name} and no carrier ever got it")
        elif fact.state is State.UNCONFIRMED and (broken is None or broken > fact.at_us + history.slack_us):
            yield Found(fact.id, "ended UNCONFIRMED, no carrier ever got it, and nothing was broken")


def truthful(history: History) -> Iterator[Found]:
    """DELIVERED needs a receipt that says so for every segment, UNDELIVERED one that says otherwise."""
    segments = {fact.id: fact.segments for fact in history.accepted or ()}
    good: dict[str, set[int]] = defaultdict(set)
    bad: set[str] = set()
    for receipt in history.receipts or ():
        if receipt.delivered:
            good[receipt.id].add(receipt.segment)
        else:
            bad.add(receipt.id)
    for end in dict.fromkeys((fact.id, fact.state) for fact in history.ended or ()):
        message_id, state = end
        wanted = segments.get(message_id, 1)
        if state is State.DELIVERED and len(good[message_id]) < wanted:
            yield Found(message_id, f"ended DELIVERED with receipts for {len(good[message_id])} of {wanted} segments")
        elif state is State.UNDELIVERED and message_id not in bad:
            yield Found(message_id, "ended UNDELIVERED, and no receipt says so")


def receipts_count(history: History) -> Iterator[Found]:
    """A message all of whose segments were told delivered, and that was acknowledged, does not end without knowing it.

    Only receipts are held against it whose submit was answered, with nothing broken between submit and end: without the answer nobody
    knows what the receipt is about.
    """
    segments = {fact.id: fact.segments for fact in history.accepted or ()}
    answers = {(fact.carrier, fact.number): fact.at_us for fact in history.answers or () if fact.taken}
    broken = Breakage(history.faults or (), history.slack_us)
    kept = {(fact.carrier, fact.number): fact.at_us for fact in history.receipts or () if fact.acked and fact.delivered}
    sent = attempts(history)
    first: dict[str, Ended] = {}
    for fact in sorted(history.ended or ()):
        first.setdefault(fact.id, fact)
    for fact in first.values():
        if fact.state is not State.UNCONFIRMED:
            continue
        until_us = fact.at_us - history.slack_us
        for one in sent.get(fact.id, ()):
            names = [(submit.carrier, submit.number) for submit in one.submits.values()]
            in_time = all(max(kept.get(name, until_us), answers.get(name, until_us)) < until_us for name in names)
            whole = len(names) >= segments.get(fact.id, 1)
            if whole and in_time and not broken.between(one.carrier, one.at_us, fact.at_us):
                yield Found(fact.id, "ended UNCONFIRMED although its receipts had been acknowledged")
                break


def one_id(history: History) -> Iterator[Found]:
    """One idempotency key is one id, ever; and one id is one key's, one tenant's and one class's."""
    ids: dict[tuple[str, str, int], str] = {}
    owners: dict[str, tuple[str, str, int, MessageClass]] = {}
    for fact in history.accepted or ():
        owner = (fact.tenant, fact.key, fact.item, fact.klass)
        if owners.setdefault(fact.id, owner) != owner:
            yield Found(fact.id, "is the id of two messages")
        if fact.key and ids.setdefault((fact.tenant, fact.key, fact.item), fact.id) != fact.id:
            yield Found(fact.id, f"was accepted for a key that is {ids[fact.tenant, fact.key, fact.item]}'s")


def one_answer(history: History) -> Iterator[Found]:
    """A request without a key that was answered once has ids of its own: no id is given out twice."""
    times = Counter(fact.id for fact in history.accepted or () if not fact.key)
    for message_id, count in times.items():
        if count > 1:
            yield Found(message_id, f"was given out {count} times without a key")


def conserved(history: History) -> Iterator[Found]:
    """Every live message stands in exactly one place, nothing is missing from the counts, and all of this run is in them."""
    verdict = history.conservation
    if verdict is None:
        return
    for fault in verdict.faults:
        yield Found("", fault)
    counts = Counter(verdict.counts)
    if counts["accepted"] != counts["live"] + counts["finished"]:
        yield Found("", f"accepted {counts['accepted']} is not live {counts['live']} + finished {counts['finished']}")
    standing = sum(counts[place] for place in PLACES)
    if standing != counts["live"]:
        yield Found("", f"{standing} stand somewhere, {counts['live']} live")
    known = len({fact.id for fact in history.accepted or ()})
    if counts["accepted"] < known:
        yield Found("", f"the journal has accepted {counts['accepted']}, its customers know of {known}")


def own_messages(history: History) -> Iterator[Found]:
    """The API tells nobody of another tenant's messages."""
    owner = {fact.id: fact.tenant for fact in history.accepted or ()}
    for seen in history.seen or ():
        if owner.get(seen.id, seen.tenant) != seen.tenant:
            yield Found(seen.id, f"was shown to {seen.tenant} by {seen.where}")


def own_webhooks(history: History) -> Iterator[Found]:
    """No webhook tells a tenant of another one's messages."""
    owner = {fact.id: fact.tenant for fact in history.accepted or ()}
    for delivery in history.deliveries or ():
        if owner.get(delivery.id, delivery.tenant) != delivery.tenant:
            yield Found(delivery.id, f"was told to {delivery.tenant}'s webhook")
