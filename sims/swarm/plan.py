"""What a seed stands for: a small world, what is sent through it, and what is broken when."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any, Final, NamedTuple

import msgspec

from router.keys import ENTROPY_OCTETS, make_key
from router.setting import ClassWord
from router.settings import (
    DEFAULT_CLASSES,
    Api,
    CarrierProfile,
    ClassRules,
    Key,
    Price,
    Settings,
    Tenant,
    Webhook,
    WebhookRules,
    Workers,
)
from sims.smsc.temperament import Failure, Temperament
from sims.swarm.tenants import Order

CARRIERS: Final = ("alpha", "beta", "gamma")
TENANTS: Final = ("acme", "zeta")
CLASSES: Final[Sequence[ClassWord]] = ("otp", "transactional", "marketing")
PORT: Final = 2775
TRAFFIC_S: Final = 4.5  # requests are made within so long from the beginning
FAULTS_S: Final = 8.0  # and things broken
MESSAGES: Final = 100
WORDS: Final = (
    "Your code is {n}.",
    "Parcel {n} waits for you at the corner shop.",
    "Only today: {n} % off everything, come and see!",
)
LONG: Final = " This goes on for longer than fits into a single message, and then a little further, so that it is cut into parts."

# What may be broken; each seed chooses some of them. The names are what a failure's report shows.
KINDS: Final = (
    "kill",
    "kill_at_call",
    "stop",
    "replace",
    "journal_down",
    "journal_lossy",
    "journal_slow",
    "deaf",
    "cut",
    "unreachable",
    "smsc",
    "endpoint",
    "clock",
    "calls",
)
# Calls after or before which a process may be made to die. The phases are those of ``Store``.
CALLS: Final = (
    ("front", ("accept",)),
    ("dispatcher", ("claim", "finish", "requeue", "still_claimed", "lease_partitions", "pump")),
    ("carrier", ("assign", "submitted", "hold", "requeue", "finish", "receipts", "adopt", "register", "renew")),
    ("courier", ("claim_notices", "settle_notices", "retry_notices", "bury_notices")),
)
PHASES: Final = ("asked", "served", "answered")


class Happening(NamedTuple):
    """Something that is broken on purpose."""

    at_s: float
    kind: str
    role: str = ""  # an actor, or a carrier
    lasts_s: float = 0.0  # until it is back, continued, over
    value: float = 0.0  # a share, a step of a clock
    call: str = ""  # of ``kill_at_call``
    phase: str = ""
    nth: int = 1
    temperament: Temperament | None = None


class Plan(NamedTuple):
    """A whole run."""

    seed: int
    settings: Settings
    api_keys: Mapping[str, str]
    secrets: Mapping[str, bytes]
    temperaments: Mapping[str, Temperament]
    orders: Sequence[Order]
    happenings: Sequence[Happening]
    kinds: Sequence[str]  # of what is broken in this world


def draw(seed: int) -> Plan:
    """The run of a seed: the same for ever, as long as this function stays the same."""
    rng = Random(f"swarm {seed}")  # noqa: S311 (it is all about coming out the same again)
    secrets = {tenant: rng.randbytes(32) for tenant in TENANTS}
    keys = {tenant: make_key(rng.randbytes(ENTROPY_OCTETS), tenant, ("send", "read")) for tenant in TENANTS}
    settings = _settings(rng, secrets, [key for _, key in keys.values()])
    names = [profile.name for profile in settings.carriers]
    kinds = sorted(rng.sample(KINDS, rng.randint(1, 6)))
    return Plan(
        seed,
        settings,
        {tenant: plaintext for tenant, (plaintext, _) in keys.items()},
        secrets,
        {name: _temperament(rng, hostile=rng.random() < 0.4) for name in names},
        _orders(rng),
        sorted((one for kind in kinds for one in _happenings(rng, kind, settings)), key=lambda one: one.at_s),
        kinds,
    )


def _settings(rng: Random, secrets: Mapping[str, bytes], keys: Sequence[Key]) -> Settings:
    names = CARRIERS[: rng.choice((1, 2, 2, 3))]
    return Settings(
        api=Api(fronts=rng.choice((1, 2)), docs=False),
        workers=Workers(dispatchers=rng.choice((1, 2))),
        webhooks=WebhookRules(timeout_s=2.0),
        classes={word: _rules(rng, DEFAULT_CLASSES[word]) for word in CLASSES},
        carriers=tuple(_carrier(rng, name) for name in names),
        tenants=tuple(
            Tenant(
                id=tenant,
                rate_mps=1_000,
                burst=1_000,
                webhook=Webhook(
                    url=f"https://{tenant}.example/events", secrets=(f"whsec_{b64encode(secrets[tenant]).decode()}",)
                ),
            )
            for tenant in TENANTS
        ),
        keys=tuple(keys),
    )


def _rules(rng: Random, rules: ClassRules) -> ClassRules:
    """A class's own rules, its times shortened so that a run ends soon."""
    hold_s = {"resend": 1.5, "resend_once": 3.0, "never": 4.0}[rules.on_unknown]
    return msgspec.structs.replace(rules, validity_s=rng.choice((12, 24)), unknown_hold_s=hold_s * rng.uniform(0.5, 1.5))


def _carrier(rng: Random, name: str) -> CarrierProfile:
    return CarrierProfile(
        name=name,
        addresses=(f"{name}.sim:{PORT}",),
        system_id="trunkline",
        bind=rng.choice(("transceiver", "transceiver", "transmitter_receiver")),
        sessions=rng.choice((1, 2)),
        window=rng.choice((5, 10, 20)),
        speed_mps=rng.choice((20, 50, 100)),
        prices=(Price(to="*", micros=rng.choice((10_000, 20_000))),),
        connect_timeout_s=1.0,
        bind_timeout_s=1.0,
        enquire_link_s=3.0,
        enquire_answer_s=1.0,
        response_timeout_s=rng.choice((1.0, 2.0)),
        receipt_horizon_s=10.0,
        rebind_min_s=0.2,
        rebind_max_s=2.0,
    )


def _temperament(rng: Random, *, hostile: bool) -> Temperament:
    calm = Temperament(
        answer_median_s=rng.choice((0.005, 0.05, 0.2)),
        answer_sigma=0.5,
        receipt_median_s=rng.choice((0.05, 0.5, 2.0)),
        receipt_sigma=0.8,
        delivered=0.95,
        failures=(Failure(stat="UNDELIV"), Failure(stat="EXPIRED"), Failure(stat="REJECTD"), Failure(stat="UNKNOWN")),
    )
    if not hostile:
        return calm
    habits: list[Mapping[str, Any]] = [
        {"no_answer": rng.choice((0.05, 0.3))},
        {"errors": {"0x08": 0.1, "0x58": 0.1}},  # refused for now; throttled
        {"errors": {"0x0B": 0.1, "0x45": 0.1, "0x14": 0.1}},  # no such number; refused; queue full
        {"throttle_mps": 10},
        {"early_receipts": 0.4},
        {"duplicate_receipts": 0.3},
        {"receipt_loss": 0.2},
        {"answer_median_s": 0.9, "answer_sigma": 0.8},  # many of them come too late
        {"intermediate": 0.5},
        {"drop_after": rng.choice((7, 23))},
        {"black_hole": True},
    ]
    for habit in rng.sample(habits, rng.randint(1, 3)):
        calm = msgspec.structs.replace(calm, **habit)
    return calm


def _orders(rng: Random) -> list[Order]:
    orders: list[Order] = []
    number = rng.randrange(10**6) * 1_000
    left = MESSAGES
    while left:
        size = min(left, rng.choice((1, 1, 2, 5, 12, 25)))
        left -= size
        tenant = rng.choice(TENANTS)
        messages = []
        for _ in range(size):
            number += 1
            klass = rng.choice(CLASSES)
            text = WORDS[len(klass) % 3].format(n=rng.randrange(10**6)) + (LONG * 2 if rng.random() < 0.08 else "")
            messages.append({"to": f"+4477{number % 10**8:08}", "from": "Trunkline", "text": text, "class": klass})
        key = f"order-{len(orders)}" if rng.random() < 0.8 else ""
        orders.append(Order(rng.uniform(0.8, TRAFFIC_S), tenant, key, messages, twice=rng.random() < 0.1))
    return orders


def _happenings(rng: Random, kind: str, settings: Settings) -> list[Happening]:
    """Some of one kind."""
    actors = [f"front:#{n}" for n in range(settings.api.fronts)] + [
        f"dispatcher:#{n}" for n in range(settings.workers.dispatchers)
    ]
    actors += [f"carrier:{profile.name}#0" for profile in settings.carriers] * 2 + ["courier:#0", "limiter:#0"]
    carriers = [profile.name for profile in settings.carriers]
    found = []
    # A second attempt at a webhook comes five minutes after the first: endpoints are broken once, and back before that.
    for _ in range(1 if kind == "endpoint" else rng.randint(1, 4)):
        at_s = rng.uniform(0.5, FAULTS_S)
        lasts_s = rng.choice((0.1, 0.5, 2.0, 4.0)) * rng.uniform(0.5, 1.5)
        actor, carrier, share = rng.choice(actors), rng.choice(carriers), rng.choice((0.05, 0.2, 0.5))
        match kind:
            case "kill_at_call":
                who, calls = rng.choice(CALLS)
                actor = rng.choice([name for name in actors if name.startswith(who)])
                call, phase, nth = rng.choice(calls), rng.choice(PHASES), rng.choice((1, 1, 2, 3, 5))
                found.append(Happening(at_s, kind, actor, lasts_s, call=call, phase=phase, nth=nth))
            case "kill":
                found.append(Happening(at_s, kind, actor, lasts_s))
            case "stop" | "replace":
                found.append(Happening(at_s, kind, actor, rng.choice((0.3, 2.0, 6.0, 11.0)) * rng.uniform(0.8, 1.2)))
            case "cut" | "unreachable":
                found.append(Happening(at_s, kind, carrier, lasts_s))
            case "smsc":
                found.append(Happening(at_s, kind, carrier, lasts_s, temperament=_temperament(rng, hostile=True)))
            case "endpoint":
                found.append(Happening(at_s, kind, "", min(lasts_s, 3.0)))
            case "clock":
                step_s = rng.choice((-60.0, -5.0, -0.5, 0.5, 5.0, 60.0))
                found.append(Happening(at_s, kind, actor, value=step_s))
            case _:
                found.append(Happening(at_s, kind, "", lasts_s, value=share))
    return found
