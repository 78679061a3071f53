"""Webhooks to the Standard Webhooks specification: how they are signed, who wants them, when they are tried again.

What they say is in ``router.webhook_event``.
"""

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Iterable, Sequence
from email.utils import parsedate_to_datetime
from functools import lru_cache
from hashlib import sha256
from random import Random
from typing import Any, Final, NamedTuple

from router.model import STATUS_OF, State

SECRET_PREFIX: Final = "whsec_"  # noqa: S105 (how secrets begin, not one)
SECRET_OCTETS: Final = range(24, 65)  # Standard Webhooks, "Signature scheme": 24 to 64 bytes
# When deliveries are tried, each counted from the one before (Standard Webhooks, "Deliverability and reliability").
SCHEDULE_S: Final = (0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
JITTER: Final = 0.1  # each wait is up to so much longer or shorter, so that what failed together does not come back together
RETRY_AFTER_MAX_S: Final = 86_400.0  # an endpoint may slow us down, not switch itself off for ever
THROTTLE_S: Final = 60.0  # the least wait after 429, 502 and 504, which ask for less
THROTTLING: Final = frozenset({429, 502, 504})
GONE: Final = 410
_BLOCK: Final = 64  # octets that SHA-256 takes at a time
_INNER: Final = bytes(octet ^ 0x36 for octet in range(256))  # the paddings of RFC 2104, 2, as tables
_OUTER: Final = bytes(octet ^ 0x5C for octet in range(256))


class InvalidSecret(ValueError):
    """The text is no webhook secret."""


class WebhookAnswer(NamedTuple):
    """What became of one delivery. ``status`` 0: no answer, and ``error`` says why in a sentence without secrets."""

    status: int
    retry_after_s: float | None = None
    error: str = ""
    refused: bool = False  # by ourselves: the address may not be reached, and nothing was connected


class Done(NamedTuple):
    """Delivered."""


class RetryAt(NamedTuple):
    """Try again at ``at_ms`` (absolute). ``throttled``: the endpoint asks for less; hold back its other events too."""

    at_ms: int
    reason: str
    throttled: bool = False


class Dead(NamedTuple):
    """Every attempt has failed: to the dead letters."""

    reason: str


class Disable(NamedTuple):
    """The endpoint does not want events any more: to the dead letters, and no further ones to it."""

    reason: str


Verdict = Done | RetryAt | Dead | Disable


def decode_secret(text: str) -> bytes:
    """``whsec_`` and the base64 of 24 to 64 octets, as octets; raises ``InvalidSecret`` without repeating the secret."""
    if not text.startswith(SECRET_PREFIX):
        raise InvalidSecret(f"must begin with {SECRET_PREFIX}")
    try:
        secret = b64decode(text.removeprefix(SECRET_PREFIX), validate=True)
    except (Base64Error, ValueError):
        raise InvalidSecret(f"must be base64 after {SECRET_PREFIX}") from None
    if len(secret) not in SECRET_OCTETS:
        raise InvalidSecret(f"must hold {SECRET_OCTETS.start} to {SECRET_OCTETS.stop - 1} octets, not {len(secret)}")
    return secret


def encode_secret(secret: bytes) -> str:
    """A secret as tenants see it."""
    return SECRET_PREFIX + b64encode(secret).decode("ascii")


def sign(secrets: Sequence[bytes], event_id: str, timestamp_s: int, body: bytes) -> str:
    """The ``webhook-signature`` header: one signature for each secret in force, of exactly these octets."""
    signed = b"%s.%d.%s" % (event_id.encode(), timestamp_s, body)
    return " ".join(["v1," + b64encode(_digest(secret, signed)).decode("ascii") for secret in secrets])


def _digest(secret: bytes, octets: bytes) -> bytes:
    """HMAC-SHA256 from the two states that its key leaves behind (RFC 2104, 4): 1.0 µs for an event, where ``hmac.digest`` takes 2.0."""
    inner, outer = _keyed(secret)
    within, around = inner.copy(), outer.copy()
    within.update(octets)
    around.update(within.digest())
    return around.digest()


@lru_cache(1_024)
def _keyed(secret: bytes) -> tuple[Any, Any]:
    """SHA-256 after the padded key, for the inner and for the outer hash."""
    key = (secret if len(secret) <= _BLOCK else sha256(secret).digest()).ljust(_BLOCK, b"\0")
    return sha256(key.translate(_INNER)), sha256(key.translate(_OUTER))


def headers(secrets: Sequence[bytes], event_id: str, timestamp_s: int, body: bytes) -> dict[str, str]:
    """All headers of a delivery. ``timestamp_s`` is the time of this attempt: receivers refuse old ones."""
    return {
        "content-type": "application/json",
        "webhook-id": event_id,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": sign(secrets, event_id, timestamp_s, body),
    }


_TYPES: Final = {state: f"message.{STATUS_OF[state]}" for state in State}


def event_type(state: State) -> str:
    """``message.delivered`` and its kin."""
    return _TYPES[state]


EVENT_TYPES: Final = frozenset(event_type(state) for state in State if state.final)


def wanted(patterns: Iterable[str], kind: str) -> bool:
    """Whether an endpoint that asked for ``patterns`` (exact types, ``message.*``, ``*``) is told of this type."""
    return any(pattern in {"*", kind} or (pattern.endswith(".*") and kind.startswith(pattern[:-1])) for pattern in patterns)


def retry_after_s(value: str, date: str = "") -> float | None:
    """A ``Retry-After`` header in seconds; None: there is none that can be read.

    A time (RFC 9110, 10.2.3) is counted from the answer's own ``Date``, so that clocks need not agree.
    """
    text = value.strip()
    if re.fullmatch(r"[0-9]{1,9}", text):
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - parsedate_to_datetime(date)).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return None


def after(answer: WebhookAnswer, tries: int, now_ms: int, rng: Random) -> Verdict:
    """What follows from an answer; ``tries`` is the number of deliveries tried before this one.

    2xx is success, 410 switches the endpoint off, everything else (3xx too: redirects are not followed) is tried again.
    ``Retry-After`` and a throttling answer lengthen the wait and never shorten it.
    """
    if 200 <= answer.status < 300:
        return Done()
    if answer.status == GONE:
        return Disable("the endpoint answered 410 Gone")
    reason = answer.error or f"the endpoint answered {answer.status}"
    if tries + 1 >= len(SCHEDULE_S):
        return Dead(f"{reason}, after {tries + 1} attempts")
    wait_s = SCHEDULE_S[tries + 1] * rng.uniform(1 - JITTER, 1 + JITTER)
    throttled = answer.status in THROTTLING
    if throttled:
        wait_s = max(wait_s, THROTTLE_S * rng.uniform(1, 1 + JITTER))
    if answer.retry_after_s is not None:
        wait_s = max(wait_s, min(answer.retry_after_s, RETRY_AFTER_MAX_S))
    return RetryAt(now_ms + round(wait_s * 1_000), reason, throttled)
