"""Webhooks: every end is told at least once, under one id, with a valid signature."""

from collections import defaultdict
from collections.abc import Iterator

from router.model import State
from sims.invariants.facts import History
from sims.invariants.verdict import Found


def at_least_once(history: History) -> Iterator[Found]:
    """Each end was taken by the endpoint, with a valid signature; one in the dead letters was at least tried."""
    wanted = {fact.id for fact in history.accepted or () if fact.tells}
    tried: set[str] = set()
    taken: set[tuple[str, State]] = set()
    for delivery in history.deliveries or ():
        tried.add(delivery.id)
        if delivery.taken and delivery.signed:
            taken.add((delivery.id, delivery.state))
    dead = history.dead or set()
    for end in dict.fromkeys((fact.id, fact.state) for fact in history.ended or ()):
        message_id, state = end
        if message_id not in wanted or end in taken:
            continue
        if message_id not in dead:
            yield Found(message_id, f"its webhook for {state.name} was never delivered")
        elif message_id not in tried:
            yield Found(message_id, f"its webhook for {state.name} is a dead letter that was never tried")


def one_event(history: History) -> Iterator[Found]:
    """One end has one webhook-id, whatever the number of deliveries; and one id tells one end."""
    ids: dict[tuple[str, State], set[str]] = defaultdict(set)
    ends: dict[str, set[tuple[str, State]]] = defaultdict(set)
    for delivery in history.deliveries or ():
        ids[delivery.id, delivery.state].add(delivery.event)
        ends[delivery.event].add((delivery.id, delivery.state))
    for (message_id, state), events in ids.items():
        if len(events) > 1:
            yield Found(message_id, f"its webhooks for {state.name} came under {len(events)} ids")
    for event, told in ends.items():
        if len(told) > 1:
            yield Found(min(told)[0], f"the webhook-id {event} told of {len(told)} ends")


def signed(history: History) -> Iterator[Found]:
    """Every delivery is signed, and validly."""
    for delivery in history.deliveries or ():
        if not delivery.signed:
            yield Found(delivery.id, f"the signature of {delivery.event} is not valid")


def truthful(history: History) -> Iterator[Found]:
    """A webhook tells the end that the API shows."""
    shown = {fact.id: fact.state for fact in history.ended or ()}
    for delivery in history.deliveries or ():
        if shown.get(delivery.id, delivery.state) is not delivery.state:
            yield Found(delivery.id, f"its webhook says {delivery.state.name}, the API {shown[delivery.id].name}")
