"""POST /v1/messages/preview: what would become of a message, without sending it."""

import msgspec

from router.api.http import Call, Reply, json_reply
from router.api.problems import ErrorItem, Problem, message_problem, problem
from router.api.send import limit_code, limit_detail, read_message, shed_status
from router.history import Explanation, explanation
from router.intake import settle, wording
from router.limits import Refused
from router.message import MessageIn
from router.model import CLASS_BY_WORD
from router.numbers import InvalidNumber, parse_number
from router.present import Cost, cost_of
from router.text.segments import NotEncodable, measure


class Replacement(msgspec.Struct, frozen=True):
    """A character that is replaced."""

    character: str
    by: str
    times: int


class PreviewAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What would become of the message. Fields are null where a fault leaves nothing to say."""

    accepted: bool  # whether it would be, now
    to: str | None
    country: str | None
    network: str | None
    encoding: str | None
    text: str | None  # what is sent instead of the text given; null: the text as it is
    replaced: list[Replacement]  # what is different in it
    units: int | None  # septets or UTF-16 units
    segments: int | None
    cost: Cost | None
    carrier: str | None  # the first choice if it were planned now
    route: Explanation | None
    refused_by: list[Problem]


async def preview(call: Call) -> Reply:
    """Handle POST /v1/messages/preview."""
    message, _ = await read_message(call)
    return json_reply(200, examine(call, message))


def examine(call: Call, message: MessageIn) -> PreviewAnswer:
    """Every question that intake asks, each answered although another's answer is no."""
    terms = call.front.terms
    refused_by: list[Problem] = []
    to = parse_number(message.to)
    digits = country = network = None
    if not isinstance(to, InvalidNumber):
        digits = to.digits
        country, network = terms.networks.lookup(digits)
    replaced = wording(message, call.tenant)
    measured = measure(replaced.text if replaced else message.text, message.encoding)
    settled = settle(message, call.tenant, terms, call.now_ms)
    carrier = route = cost = None
    if isinstance(settled, list):
        refused_by.append(message_problem(settled))
    else:
        cost = cost_of(settled.cost_micros, settled.currency)
        row = call.front.preview(settled)
        route = explanation(row) if row is not None else None
        carrier = route.considered[0].carrier if route and route.considered else None
    klass = CLASS_BY_WORD[message.klass]
    reason = call.front.sheds(klass)
    if reason:
        refused_by.append(problem("shed", reason, status=shed_status(klass)))
    limits = call.limits = call.front.admit(call.tenant.id, 0, 0)
    if isinstance(limits, Refused):
        refused_by.append(problem(limit_code(limits), limit_detail(limits)))
    elif limits.remaining < 1:
        refused_by.append(problem("rate_limited", f"The limit is {limits.limit} messages a second; none could go now."))
    fit = None if isinstance(measured, NotEncodable) else measured
    return PreviewAnswer(
        accepted=not refused_by,
        to=f"+{digits}" if digits else None,
        country=country or None,
        network=network or None,
        encoding=fit.encoding if fit else None,
        text=replaced.text if replaced else None,
        replaced=[Replacement(*change) for change in replaced.changes] if replaced else [],
        units=fit.units if fit else None,
        segments=fit.segments if fit else None,
        cost=cost,
        carrier=carrier,
        route=route,
        refused_by=refused_by,
    )


__all__ = ["ErrorItem", "PreviewAnswer", "preview"]
