"""All that a journal's server holds, as lines of text, and back: what the server's own clock put there is taken out and put in again.

A line is ``key | type | expiry | member | value``, octets as Python writes them. "now+3" is three minutes after the file was made, or
after it is loaded. Leases and epochs are left out: they are of processes, and a restarted system takes new ones.
"""

import ast
import re
from typing import Any, Final

import msgpack

DAY_MS: Final = 86_400_000
SLOT_MS: Final = 10_800_000  # of carriers' ids
ORPHAN_SLOT_MS: Final = 450_000
MINUTE_MS: Final = 60_000
NEAR_MS: Final = 3 * DAY_MS
LEASES: Final = re.compile(rb"\{p\d\d\}:(own$|ep:|reg:|at:)")  # and what the clock said of late
SLOTTED: Final = (
    (re.compile(rb"^(\{p\d\d\}:idem:)(\w+)(:\d+)$"), DAY_MS),
    (re.compile(rb"^(\{p\d\d\}:dlr:[^:]+:)(\w+)()$"), SLOT_MS),
    (re.compile(rb"^(\{p\d\d\}:orph:[^:]+:)(\w+)()$"), ORPHAN_SLOT_MS),
)


def _told(at_ms: float, now_ms: int) -> str:
    if abs(at_ms - now_ms) > NEAR_MS:
        return f"{at_ms:.0f}"
    return f"now{round((at_ms - now_ms) / MINUTE_MS):+d}"


def _time(told: str, now_ms: int) -> int:
    return now_ms + int(told[3:]) * MINUTE_MS if told.startswith("now") else int(told)


def _general(key: bytes) -> bytes:
    for pattern, _ in SLOTTED:
        key = pattern.sub(rb"\1NOW\3", key)
    return key


def _special(key: bytes, now_ms: int) -> bytes:
    for pattern, width_ms in SLOTTED:
        if found := pattern.match(key):
            return found[1] + b"%d" % (now_ms // width_ms) + found[3]
    return key


def _value(key: bytes, value: bytes, now_ms: int) -> bytes:
    """A value with the time ``now_ms`` in the place of the one that it has: 0 in files."""
    name = key.partition(b":")[2]
    if name == b"t":
        return value[:16] + now_ms.to_bytes(6, "big")
    if name.startswith(b"idem:"):
        return (now_ms.to_bytes(6, "big") if now_ms else bytes(6)) + value[6:]
    if name.startswith(b"orph:"):
        told = msgpack.unpackb(value, raw=True)
        return bytes(msgpack.packb([[now_ms, *rest] for _, *rest in told], use_bin_type=False))
    return value


async def dump(client: Any, now_ms: int) -> list[str]:
    """Everything, sorted."""
    lines = []
    for key in await client.keys("*"):
        if LEASES.match(key):
            continue
        kind = (await client.type(key)).decode()
        expires_ms = await client.pexpiretime(key)
        expiry = "-" if expires_ms <= 0 else "now+2880" if b":idem:" in key else _told(expires_ms, now_ms)  # two days' ends on
        head = f"{_general(key)!r} | {kind} | {expiry}"
        match kind:
            case "hash":
                for field, value in (await client.hgetall(key)).items():
                    lines.append(f"{head} | {field!r} | {_value(key, value, 0)!r}")
            case "list":
                for place, value in enumerate(await client.lrange(key, 0, -1)):
                    lines.append(f"{head} | {place} | {_value(key, value, 0)!r}")
            case "zset":
                for member, score in await client.zrange(key, 0, -1, withscores=True):
                    slot = b":dlrs:" in key
                    lines.append(f"{head} | {b'NOW' if slot else member!r} | {_told(score, now_ms)}")
            case "string":
                lines.append(f"{head} | - | {await client.get(key)!r}")
    return sorted(set(lines))  # two slots of one name: the clock went from one to the next


async def load(client: Any, lines: list[str], now_ms: int) -> None:
    """Put it into an empty server."""
    for line in lines:
        told_key, kind, expiry, member, told = line.split(" | ")
        key = _special(ast.literal_eval(told_key), now_ms)
        match kind:
            case "hash":
                await client.hset(key, ast.literal_eval(member), _value(key, ast.literal_eval(told), now_ms))
            case "list":
                await client.rpush(key, _value(key, ast.literal_eval(told), now_ms))
            case "zset":
                name = ast.literal_eval(member)
                name = b"%d" % (now_ms // SLOT_MS) if name == b"NOW" else name
                await client.zadd(key, {name: _time(told, now_ms)})
            case "string":
                await client.set(key, ast.literal_eval(told))
        if expiry != "-":
            await client.pexpireat(key, _time(expiry, now_ms))
