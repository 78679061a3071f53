"""What an operator sets about routing besides the carriers: policies, rules before the brain, numbers that moved to another network."""

from typing import Annotated, Literal

from msgspec import Meta

from router.discreet import discreet
from router.setting import ClassWord, Destination, Micros, Name, Seconds, Setting

Factor = Annotated[float, Meta(ge=0, le=1_000)]
Weight = Annotated[float, Meta(ge=0.01, le=100)]
Share = Annotated[float, Meta(ge=0, le=1)]
DayWord = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
TimeOfDay = Annotated[str, Meta(pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00|)$")]


class PolicyRules(Setting, frozen=True, kw_only=True):
    """A policy of the operator's own: cost = price + loss_factor * loss * (1 - p) + time_factor * time * wait."""

    loss_factor: Factor = 1.0  # of the class's loss_micros
    time_factor: Factor = 1.0  # of the class's time_micros_per_s
    least_time_micros_per_s: Micros = 0  # for classes to which time is worth less
    floor: Share = 0.0  # above 0: price first, among those whose p reaches this share of the best p


class Rule(Setting, frozen=True, kw_only=True):
    """What holds for some messages before the brain decides. All conditions given must fit; one left out fits every message.

    Rules are read from the top. For each effect the first fitting rule that has it decides; ``exclude`` of all of them counts.
    Where a carrier is named, a group may be, too.
    """

    name: Name
    # -- conditions
    tenants: tuple[Name, ...] = ()
    classes: tuple[ClassWord, ...] = ()
    senders: tuple[Annotated[str, Meta(pattern=r"^[^\s*][^*]{0,20}\*?$")], ...] = ()  # whole, or its beginning and "*"
    to: tuple[Destination, ...] = ()
    tags: tuple[Annotated[str, Meta(min_length=1, max_length=64)], ...] = ()  # one of them is enough
    days: tuple[DayWord, ...] = ()  # on which a time that runs past midnight begins
    after: TimeOfDay = ""  # from this time of day …
    before: TimeOfDay = ""  # … until this one; past midnight where it is the earlier one
    time_zone: Annotated[str, Meta(pattern=r"^[A-Za-z][A-Za-z0-9_+/-]{0,63}$")] = "UTC"
    # -- effects
    deny: bool | None = None  # true: refused; false: let through, whatever later rules deny
    reason: Annotated[str, Meta(max_length=200)] = ""  # what the sender of a denied message is told
    allow: tuple[Name, ...] = ()  # these and no others
    exclude: tuple[Name, ...] = ()
    pin: Annotated[str, Meta(max_length=32)] = ""  # first choice while it can be used; then whatever costs least
    order: tuple[Name, ...] = ()  # first choice, second, …; then whatever costs least
    weights: dict[str, Weight] = {}  # carrier or group → its cost counts so many times
    max_price_micros: Micros | None = None  # a segment
    policy: Annotated[str, Meta(max_length=32)] = ""  # before that of the message and of the tenant
    last: bool = False  # no rule after this one is asked


@discreet("url", "headers")
class Portability(Setting, frozen=True, kw_only=True):
    """A service over HTTP that knows to which network a number belongs by now. Asked before a message is planned."""

    url: Annotated[str, Meta(pattern=r"^(https?://[^\s]+|)$")] = ""  # with "{number}", digits without a plus; "": nobody is asked
    headers: dict[str, str] = {}
    answer: Annotated[tuple[str, ...], Meta(min_length=1, max_length=2)] = ("mcc_mnc",)  # paths in the answer's JSON
    countries: tuple[Annotated[str, Meta(pattern=r"^[A-Z]{2}$")], ...] = ()  # whose numbers are asked for; none: all
    timeout_s: Annotated[float, Meta(ge=0.01, le=10)] = 0.5  # no message waits longer
    concurrency: Annotated[int, Meta(ge=1, le=1_000)] = 32  # requests at once of each dispatcher
    keep_s: Seconds = 86_400.0
    keep_unknown_s: Seconds = 600.0  # how long it is remembered that a number's network is not known
    keep_most: Annotated[int, Meta(ge=1, le=10_000_000)] = 100_000  # numbers remembered by each dispatcher


class RescueRules(Setting, frozen=True, kw_only=True):
    """Second copies by another carrier while nothing came of the first, where they gain more than they cost (``router.brain.rescue``)."""

    classes: tuple[Literal["otp", "transactional"], ...] = ()  # none: nobody is rescued
    earliest_s: Annotated[float, Meta(ge=1, le=120)] = 5.0  # after the submit, and until …
    latest_s: Annotated[float, Meta(ge=1, le=120)] = 35.0  # … so long after it
    duplicate_micros: Micros = 10_000  # what a second copy on a handset costs its sender, besides its price
    share: Annotated[float, Meta(ge=0, le=0.03)] = 0.03  # of all messages that may be sent a second time
