"""Service: one-time codes stay fast, memory stays bounded while work drains, and what broke comes back."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import ceil
from typing import Final

from router.model import MessageClass
from sims.invariants.facts import History
from sims.invariants.verdict import Found

OTP_FACTOR: Final = 2.0  # how much slower a backlog of marketing may make one-time codes, at their 99th percentile
STALL_US: Final = 10_000_000  # while new work is refused something must be finished in any such time


def p99_us(latencies_us: Sequence[int]) -> int:
    """The 99th percentile, nearest rank."""
    ordered = sorted(latencies_us)
    return ordered[ceil(0.99 * len(ordered)) - 1]


def codes_first(history: History) -> Iterator[Found]:
    """The 99th percentile of one-time codes with a backlog is at most twice that of an idle system."""
    idle_us, loaded_us = history.otp_idle_us or (), history.otp_loaded_us or ()
    if p99_us(loaded_us) > OTP_FACTOR * p99_us(idle_us):
        yield Found("", f"one-time codes took {p99_us(loaded_us)} µs with a backlog, {p99_us(idle_us)} µs without (p99)")


def bounded_memory(history: History) -> Iterator[Found]:
    """The journal never takes more than it may; the lesser classes are refused first; draining never stops."""
    looks = sorted(history.memory or (), key=lambda look: look.at_us)
    for look in looks:
        if look.limit and look.used > look.limit:
            yield Found("", f"at {look.at_us} µs {look.used} octets were in use, {look.limit} allowed")
            break
    for look in looks:
        spared = [klass for klass in MessageClass if klass not in look.shed and any(klass > other for other in look.shed)]
        if spared:
            yield Found("", f"at {look.at_us} µs {min(look.shed).word} was refused, and {spared[-1].word} was not")
            break
    since = None
    for before, now in pairwise(looks):
        if not before.shed or not before.live or now.finished > before.finished:
            since = None
            continue
        since = before if since is None else since
        if now.at_us - since.at_us >= STALL_US:
            yield Found(
                "", f"from {since.at_us} to {now.at_us} µs new work was refused and nothing was finished, {now.live} live"
            )
            break


def recovered(history: History) -> Iterator[Found]:
    """What was broken was back within its time."""
    for fact in history.recoveries or ():
        if fact.took_us is None:
            yield Found("", f"{fact.what} never came back")
        elif fact.took_us > fact.bar_us:
            yield Found("", f"{fact.what} took {fact.took_us} µs to come back, allowed are {fact.bar_us}")
