"""Rules before the brain: what holds for a message whatever its carriers' scores are. Compiled once for each change of the settings.

A rule has conditions and effects (``router.rule_settings.Rule``). Rules are read from the top, as far as one that fits and is the
``last``; for each effect the first fitting rule that has it decides, and what any of them excludes is excluded.

What a message is told depends on tenant, class, sender, place and tags, and on the time as far as rules have hours: the answer is
found once for all messages that are alike in these, and is one object for all that are answered alike. Measured with 50 rules: 0.9 µs
to find again, 13 µs to find; without rules 0.1 µs.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from router.model import CLASS_BY_WORD
from router.rule_settings import DayWord, Rule
from router.settings import Settings

SEEN_LIMIT: Final = 65_536  # answers remembered, as in router.routes
MINUTES_LIMIT: Final = 4_096  # minutes for which it is remembered which rules are in force
MINUTE_MS: Final = 60_000  # rules have hours and minutes, so nothing changes within a minute
DAYS: Final[tuple[DayWord, ...]] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")  # as datetime.weekday counts


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ruling:
    """What the rules say of a message. Equal only to itself, which makes it cheap as a part of a key."""

    rules: tuple[str, ...] = ()  # the names of those that say something, in order
    denied: str = ""  # the rule that does not let it through
    reason: str = ""  # what its sender is told
    barred: Mapping[str, str] = field(default_factory=dict)  # carriers it must not take → the rule
    tiers: Mapping[str, int] = field(default_factory=dict)  # carriers in the order they are to be tried; all others come after
    weights: Mapping[str, float] = field(default_factory=dict)  # carrier → its cost counts so many times
    most_micros: int = -1  # price of a segment that is not to be passed; -1: any
    most_rule: str = ""  # which rule says that
    policy: str = ""  # in place of the message's own

    def bars(self, carrier: str, price_micros: int) -> str:
        """The rule that forbids this carrier at this price of a segment; "": none does."""
        if carrier in self.barred:
            return self.barred[carrier]
        return self.most_rule if 0 <= self.most_micros < price_micros else ""

    @property
    def text(self) -> str:
        """The rules' names, as explanations show them."""
        return ", ".join(self.rules)


FREE: Final = Ruling()  # of a message that no rule fits


class RuleBook:
    """All rules, ready to be asked. New settings make a new book."""

    __slots__ = (
        "_carriers",
        "_groups",
        "_lengths",
        "_minutes",
        "_prefixes",
        "_rules",
        "_rulings",
        "_seen",
        "_senders",
        "_tags",
        "_timed",
    )

    def __init__(self, rules: Iterable[Rule], groups: Mapping[str, tuple[str, ...]], carriers: Iterable[str]) -> None:
        self._rules = tuple(_Compiled(rule) for rule in rules)
        self._groups = groups
        self._carriers = tuple(carriers)
        self._prefixes = frozenset(place for rule in self._rules for place in rule.places if place.isdigit())
        self._lengths = tuple(sorted({len(prefix) for prefix in self._prefixes}, reverse=True))
        self._senders = any(rule.senders or rule.beginnings for rule in self._rules)
        self._tags = frozenset(tag for rule in self._rules for tag in rule.tags)
        self._timed = any(rule.timed for rule in self._rules)
        self._minutes: dict[int, int] = {}
        self._seen: dict[tuple[object, ...], Ruling] = {}
        self._rulings: dict[tuple[int, ...], Ruling] = {(): FREE}

    @classmethod
    def compile(cls, settings: Settings) -> "RuleBook":
        """The book of these settings."""
        return cls(settings.routing, settings.groups, (carrier.name for carrier in settings.carriers))

    def ruling(
        self, tenant: str, klass: int, sender: str, network: str, country: str, number: str, tags: tuple[str, ...], at_ms: int
    ) -> Ruling:
        """What holds for a message: ``sender`` and ``number`` as they are kept, without a plus; ``at_ms``: when it is sent."""
        if not self._rules:
            return FREE
        prefix = self._prefix(number) if self._lengths else ""
        known = tuple(tag for tag in tags if tag in self._tags) if tags and self._tags else ()
        force = self._in_force(at_ms // MINUTE_MS) if self._timed else -1
        key = (tenant, klass, sender if self._senders else "", network, country, prefix, known, force)
        found = self._seen.get(key)
        if found is None:
            if len(self._seen) >= SEEN_LIMIT:
                self._seen.clear()
            heads = (prefix[:length] for length in self._lengths if length <= len(prefix))
            places = frozenset((f"net:{network}", country, "*", *heads))
            found = self._seen[key] = self._find(tenant, klass, sender.casefold(), places, known, force)
        return found

    def _prefix(self, number: str) -> str:
        """The longest prefix of the number that a rule mentions."""
        return next((head for length in self._lengths if (head := number[:length]) in self._prefixes), "")

    def _in_force(self, minute: int) -> int:
        """The rules whose hours include this minute, as a set of bits."""
        found = self._minutes.get(minute)
        if found is None:
            if len(self._minutes) >= MINUTES_LIMIT:
                self._minutes.clear()
            moment = datetime.fromtimestamp(minute * 60, UTC)
            found = self._minutes[minute] = sum(1 << at for at, rule in enumerate(self._rules) if rule.in_force(moment))
        return found

    def _find(self, tenant: str, klass: int, sender: str, places: frozenset[str], tags: tuple[str, ...], force: int) -> Ruling:
        fitting: list[int] = []
        for at, rule in enumerate(self._rules):
            if force >> at & 1 and rule.fits(tenant, klass, sender, places, tags):
                fitting.append(at)
                if rule.rule.last:
                    break
        key = tuple(fitting)
        found = self._rulings.get(key)
        if found is None:
            found = self._rulings[key] = self._rule([self._rules[at].rule for at in fitting])
        return found

    def _rule(self, fitting: list[Rule]) -> Ruling:
        """The effects of the rules that fit, the first one first."""
        deny = next((rule for rule in fitting if rule.deny is not None), None)
        allow = next((rule for rule in fitting if rule.allow), None)
        order = next((rule for rule in fitting if rule.order or rule.pin), None)
        weigh = next((rule for rule in fitting if rule.weights), None)
        most = next((rule for rule in fitting if rule.max_price_micros is not None), None)
        policy = next((rule for rule in fitting if rule.policy), None)
        excluding = [rule for rule in fitting if rule.exclude]
        barred: dict[str, str] = {}
        for rule in excluding:
            for carrier in self._expand(rule.exclude):
                barred.setdefault(carrier, rule.name)
        if allow is not None:
            inside = frozenset(self._expand(allow.allow))
            for carrier in self._carriers:
                if carrier not in inside:
                    barred.setdefault(carrier, allow.name)
        tiers: dict[str, int] = {}
        for tier, name in enumerate(order.order or (order.pin,) if order is not None else ()):
            for carrier in self._expand((name,)):
                tiers.setdefault(carrier, tier)
        weights: dict[str, float] = {}
        for name, weight in sorted(weigh.weights.items(), key=lambda one: one[0] in self._groups) if weigh is not None else ():
            for carrier in self._expand((name,)):  # a carrier's own weight goes before that of its group
                weights.setdefault(carrier, weight)
        speaking = {id(rule) for rule in (deny, allow, order, weigh, most, policy, *excluding) if rule is not None}
        refused = deny if deny is not None and deny.deny else None
        return Ruling(
            rules=tuple(rule.name for rule in fitting if id(rule) in speaking),
            denied=refused.name if refused is not None else "",
            reason=refused.reason if refused is not None else "",
            barred=barred,
            tiers=tiers,
            weights=weights,
            most_micros=-1 if most is None or most.max_price_micros is None else most.max_price_micros,
            most_rule=most.name if most is not None else "",
            policy=policy.policy if policy is not None else "",
        )

    def _expand(self, names: Iterable[str]) -> Iterable[str]:
        """Carriers, and those of groups, in the order written."""
        for name in names:
            yield from self._groups.get(name, (name,))


class _Compiled:
    """One rule's conditions as sets."""

    __slots__ = (
        "beginnings",
        "classes",
        "days",
        "first",
        "places",
        "rule",
        "senders",
        "tags",
        "tenants",
        "timed",
        "until",
        "zone",
    )

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.tenants = frozenset(rule.tenants)
        self.classes = frozenset(int(CLASS_BY_WORD[word]) for word in rule.classes)
        written = [sender.removeprefix("+").casefold() for sender in rule.senders]
        self.senders = frozenset(sender for sender in written if not sender.endswith("*"))
        self.beginnings = tuple(sender[:-1] for sender in written if sender.endswith("*"))
        self.places = frozenset(rule.to)
        self.tags = frozenset(rule.tags)
        self.timed = bool(rule.days or rule.after or rule.before)
        self.days = frozenset(DAYS.index(day) for day in rule.days) or frozenset(range(7))
        self.first, self.until = minutes(rule.after or "00:00"), minutes(rule.before or "24:00")
        self.zone = ZoneInfo(rule.time_zone) if self.timed else None

    def in_force(self, moment: datetime) -> bool:
        """Whether its days and hours include a moment."""
        if not self.timed:
            return True
        local = moment.astimezone(self.zone)
        now, day = local.hour * 60 + local.minute, local.weekday()
        if self.first < self.until:
            return self.first <= now < self.until and day in self.days
        return (now >= self.first and day in self.days) or (now < self.until and (day - 1) % 7 in self.days)

    def fits(self, tenant: str, klass: int, sender: str, places: frozenset[str], tags: tuple[str, ...]) -> bool:
        """Whether everything but the time fits. ``sender`` in small letters: who forbids a name forbids its capitals."""
        return (
            (not self.tenants or tenant in self.tenants)
            and (not self.classes or klass in self.classes)
            and (not (self.senders or self.beginnings) or sender in self.senders or sender.startswith(self.beginnings))
            and (not self.places or not self.places.isdisjoint(places))
            and (not self.tags or not self.tags.isdisjoint(tags))
        )


def minutes(time_of_day: str) -> int:
    """Minutes since midnight of a time such as "08:30"."""
    hours, _, rest = time_of_day.partition(":")
    return int(hours) * 60 + int(rest)
