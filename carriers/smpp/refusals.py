"""What one carrier's refusals mean: the table of statuses, the words of its profile, and what it has said before."""

import logging
from typing import Final, NamedTuple

from carriers.port import Answer
from carriers.smpp.jobs import Refusal
from carriers.smpp.statuses import Lane, Mend, parse_overrides, react, status_name
from router.ids import MessageId
from router.model import Again, ErrorName, Fault
from router.settings import CarrierProfile

log: Final = logging.getLogger(__name__)

MAX_SAME: Final = 65_536  # messages whose refusals with SAME are counted
NACK_TIMES: Final = 1  # what could not be read is sent once more, whatever the number says


class Judgement(NamedTuple):
    """What follows from the refusal of one segment."""

    refusal: Refusal
    lane: Lane
    mend: Mend


class Refusals:
    """Remembers, within bounds, which statuses have been told to the operator and how often a message was put off."""

    def __init__(self, profile: CarrierProfile) -> None:
        """``ValueError`` for a profile whose ``statuses`` cannot be read."""
        self._carrier = profile.name
        self._overrides = parse_overrides(profile.statuses)
        self._seen: set[int] = set()  # statuses that have raised their alert
        self._same: dict[MessageId, int] = {}  # how often SAME has been told of a message

    def judge(self, status: int, *, nack: bool, session: int) -> Judgement:
        """A segment was answered with ``status``, by a generic_nack or in its own answer; ``session`` is for the log."""
        name = status_name(status)
        reaction = react(status, self._overrides)
        if (reaction.alert or nack) and status not in self._seen:
            self._seen.add(status)
            log.error("carrier.status carrier=%s session=%d status=%s", self._carrier, session, name)
        if nack and not reaction.lane:
            refusal = Refusal(status, ErrorName.REFUSED_BY_CARRIER, Fault.CARRIER, Again.SAME, f"generic_nack {name}", NACK_TIMES)
            return Judgement(refusal, "", "")
        refusal = Refusal(status, reaction.error, reaction.fault, reaction.again, name, reaction.times)
        return Judgement(refusal, reaction.lane, reaction.mend)

    def counted(self, answer: Answer, times: int) -> Answer:
        """A refusal with SAME, which becomes OTHER when SAME has been told of the message ``times`` times."""
        same = self._same
        told = same.pop(answer.id, 0) + 1
        if told > times:
            return answer._replace(again=Again.OTHER)
        if len(same) >= MAX_SAME:
            del same[next(iter(same))]
        same[answer.id] = told
        return answer
