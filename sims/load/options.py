"""What a load run is told: frozen, checked, free of clocks and sockets."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal
from urllib.parse import SplitResult, urlsplit

from router.model import CLASS_BY_WORD, MessageClass

DEFAULT_MIX: Final = MappingProxyType({"otp": 0.4, "transactional": 0.35, "marketing": 0.25})
DEFAULT_LENGTHS: Final = MappingProxyType({"short": 0.85, "long": 0.1, "unicode": 0.05})
# Mobile prefixes of several countries and how many digits follow: E.164 numbers of the right length for each.
DEFAULT_DESTINATIONS: Final = ("49151:8", "447400:6", "3361:7", "34600:6", "39320:7", "1415555:4", "5511987:6", "919800:6")
BATCH_LIMIT: Final = 10_000  # the API's own limit of messages in one body


class InvalidOptions(ValueError):
    """An option is out of range or contradicts another; the text names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """A number prefix (digits, no plus) and how many random digits follow it."""

    prefix: str
    digits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadOptions:
    """One run of the load generator. ``InvalidOptions`` is raised at construction for whatever cannot be run."""

    url: str = "http://127.0.0.1:8080"
    key: str = field(default="", repr=False)
    rate_mps: float = 100.0  # messages a second; 0: as fast as the connections carry it (a closed loop)
    count: int = 0  # messages; 0: no bound
    duration_s: float = 0.0  # 0: no bound; one of the two bounds must be given
    mode: Literal["single", "batch"] = "single"
    batch: int = 500  # messages in one request of batch mode
    format: Literal["json", "msgpack"] = "json"
    mix: dict[str, float] = field(default_factory=lambda: dict(DEFAULT_MIX))  # class word → share
    lengths: dict[str, float] = field(default_factory=lambda: dict(DEFAULT_LENGTHS))  # short, long, unicode → share
    destinations: tuple[Destination, ...] = field(default_factory=lambda: parse_destinations(DEFAULT_DESTINATIONS))
    sender: str = "Trunkline"
    connections: int = 32
    seed: int = 1
    first: int = 0  # the number before that in the first text: several runs whose texts are all different
    retry: bool = False  # 429, 503 and lost connections again, with the same Idempotency-Key
    retry_limit: int = 5  # retries of one request
    timeout_s: float = 30.0  # for one answer
    drain_s: float = 10.0  # how long after the last intended send time requests may still be written
    follow: bool = False  # watch every accepted message until it is final
    follow_timeout_s: float = 60.0  # after the last answer
    webhooks: bool = False  # follow through a webhook receiver of our own instead of polling
    webhook_host: str = "127.0.0.1"  # where the receiver listens
    webhook_secret: str = field(default="", repr=False)  # whsec_…: verify the signatures
    allow_remote: bool = False  # targets other than this machine

    def __post_init__(self) -> None:
        if self.count <= 0 and self.duration_s <= 0:
            raise InvalidOptions("count or duration: one of them must bound the run")
        if self.rate_mps < 0:
            raise InvalidOptions("rate: must not be negative")
        if not 1 <= self.batch <= BATCH_LIMIT:
            raise InvalidOptions(f"batch: must be 1 to {BATCH_LIMIT}")
        if not 0 <= self.first < 10**8:
            raise InvalidOptions("first: must have at most eight digits")
        if self.connections < 1:
            raise InvalidOptions("connections: at least 1")
        if not self.destinations:
            raise InvalidOptions("destinations: at least one prefix")
        check_shares("mix", self.mix, tuple(CLASS_BY_WORD))
        check_shares("lengths", self.lengths, tuple(DEFAULT_LENGTHS))
        parts = split_url(self.url)
        if not self.allow_remote and not is_loopback(parts.hostname or ""):
            raise InvalidOptions(f"url: {parts.hostname} is not this machine; --allow-remote sends load there nevertheless")

    @property
    def per_request(self) -> int:
        """Messages in one request."""
        return self.batch if self.mode == "batch" else 1


def split_url(url: str) -> SplitResult:
    """The parts of an http or https URL; raises ``InvalidOptions`` for any other."""
    try:
        parts = urlsplit(url)
        valid = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError as error:
        raise InvalidOptions(f"url: {error}") from error
    if not valid:
        raise InvalidOptions(f"url: {url!r} is not http://host:port")
    return parts


def is_loopback(host: str) -> bool:
    """Whether a host as written names this machine for certain: a loopback address or the name ``localhost``."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False  # a name may resolve to anything


def parse_shares(name: str, text: str) -> dict[str, float]:
    """``otp=0.4,marketing=0.6`` → shares; raises ``InvalidOptions`` naming the option."""
    shares: dict[str, float] = {}
    for item in text.split(","):
        word, equals, number = item.strip().partition("=")
        try:
            shares[word.strip()] = float(number) if equals else 1.0
        except ValueError as error:
            raise InvalidOptions(f"{name}: {item!r} is not word=share") from error
    return shares


def write_shares(shares: Mapping[str, float]) -> str:
    """The inverse of ``parse_shares``."""
    return ",".join(f"{word}={share}" for word, share in shares.items())


def parse_destinations(items: tuple[str, ...]) -> tuple[Destination, ...]:
    """``49151:8`` → prefix 49151 and eight random digits; without a colon the number is filled to twelve digits."""
    found = []
    for item in items:
        prefix, colon, digits = item.strip().lstrip("+").partition(":")
        if not prefix.isdecimal() or prefix[0] == "0" or (colon and not digits.isdecimal()):
            raise InvalidOptions(f"destinations: {item!r} is not prefix:digits")
        wanted = int(digits) if colon else max(0, 12 - len(prefix))
        if wanted > 12 or not 7 <= len(prefix) + wanted <= 15:  # E.164: at most 15 digits
            raise InvalidOptions(f"destinations: {item!r} gives numbers of {len(prefix) + wanted} digits")
        found.append(Destination(prefix=prefix, digits=wanted))
    return tuple(found)


def class_shares(options: LoadOptions) -> tuple[tuple[MessageClass, float], ...]:
    """The classes of the mix with shares that sum to one."""
    total = sum(options.mix.values())
    return tuple((CLASS_BY_WORD[word], share / total) for word, share in options.mix.items() if share > 0)


def check_shares(name: str, shares: dict[str, float], allowed: tuple[str, ...]) -> None:
    """Raise ``InvalidOptions`` unless the shares are of allowed words and sum to something."""
    for word, share in shares.items():
        if word not in allowed:
            raise InvalidOptions(f"{name}: {word!r} is not one of {', '.join(allowed)}")
        if not 0 <= share < float("inf"):
            raise InvalidOptions(f"{name}: the share of {word} must not be negative")
    if sum(shares.values()) <= 0:
        raise InvalidOptions(f"{name}: the shares sum to nothing")
