"""What a run of the gateway is told: frozen, checked, free of clocks and sockets."""

from dataclasses import dataclass, field
from typing import Final, Literal

from carriers.smpp.client import Address, parse_address
from sims.load.options import (
    DEFAULT_DESTINATIONS,
    DEFAULT_LENGTHS,
    DEFAULT_MIX,
    Destination,
    InvalidOptions,
    check_shares,
    is_loopback,
    parse_destinations,
)

MAX_SESSIONS: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayOptions:
    """One run. ``InvalidOptions`` is raised at construction for whatever cannot be run."""

    address: str = "127.0.0.1:2775"
    system_id: str = "gateway"
    password: str = field(default="", repr=False)
    bind: Literal["transceiver", "transmitter_receiver"] = "transceiver"
    tls: bool = False  # not verified: what is bound to is a test's
    sessions: int = 1  # binds of each kind
    window: int = 50  # unanswered submits on each session
    rate_mps: float = 100.0  # messages a second; 0: as fast as the windows carry it (a closed loop)
    count: int = 0  # messages; 0: no bound
    duration_s: float = 0.0  # 0: no bound
    priorities: dict[str, int] = field(default_factory=dict)  # class word → priority_flag; 0 where it is not named
    mix: dict[str, float] = field(default_factory=lambda: dict(DEFAULT_MIX))  # class word → share
    lengths: dict[str, float] = field(default_factory=lambda: dict(DEFAULT_LENGTHS))  # short, long, unicode → share
    destinations: tuple[Destination, ...] = field(default_factory=lambda: parse_destinations(DEFAULT_DESTINATIONS))
    sender: str = "Trunkline"
    seed: int = 1
    retry: bool = False  # what was throttled or found a full store, again after a second
    receipts: bool = True  # ask for receipts, and wait for them
    follow_timeout_s: float = 60.0  # for receipts, after the last answer
    drain_s: float = 10.0  # for answers, after the last submit
    allow_remote: bool = False

    def __post_init__(self) -> None:
        if self.count <= 0 and self.duration_s <= 0:
            raise InvalidOptions("count or duration: one of them must bound the run")
        if self.bind not in {"transceiver", "transmitter_receiver"}:
            raise InvalidOptions(f"bind: {self.bind!r} is not transceiver or transmitter_receiver")
        if self.rate_mps < 0:
            raise InvalidOptions("rate: must not be negative")
        if not 1 <= self.sessions <= MAX_SESSIONS:
            raise InvalidOptions(f"sessions: must be 1 to {MAX_SESSIONS}")
        if self.window < 1:
            raise InvalidOptions("window: at least 1")
        if not self.destinations:
            raise InvalidOptions("destinations: at least one prefix")
        if any(not 0 <= flag <= 255 for flag in self.priorities.values()):
            raise InvalidOptions("priorities: a priority_flag is 0 to 255")
        check_shares("mix", self.mix, tuple(DEFAULT_MIX))
        check_shares("lengths", self.lengths, tuple(DEFAULT_LENGTHS))
        if not self.allow_remote and not is_loopback(self.target.host):
            raise InvalidOptions(f"address: {self.target.host} is not this machine; --allow-remote sends load there nevertheless")

    @property
    def target(self) -> Address:
        """Where to bind; raises ``InvalidOptions``."""
        try:
            return parse_address(self.address)
        except ValueError as error:
            raise InvalidOptions(str(error)) from error
