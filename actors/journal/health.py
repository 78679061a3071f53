"""What a server tells of itself: durability in force, memory, disk."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from actors.journal.base import Servers
from actors.journal.link import Link
from router.journal.port import JournalUnavailable
from router.pressure import Pressure, worst


def read_info(octets: bytes | Mapping[str, Any]) -> dict[str, str]:
    """The answer to INFO as names and values, whether redis-py has taken it apart or not."""
    if isinstance(octets, Mapping):
        return {str(name): str(value) for name, value in octets.items()}
    lines = (line.partition(":") for line in octets.decode(errors="replace").splitlines())
    return {name: value for name, colon, value in lines if colon}


async def setting(link: Link, name: str) -> str:
    """One configuration value, or "" where the server does not tell (managed servers forbid CONFIG)."""
    try:
        found = await link.command("CONFIG", "GET", name)
    except JournalUnavailable:
        raise
    except Exception:  # whatever a managed server answers means the same: it does not tell
        return ""
    pairs = found if isinstance(found, Mapping) else dict(zip(found[::2], found[1::2], strict=True))
    plain = {_text(key): _text(value) for key, value in pairs.items()}
    return plain.get(name, "")


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


async def free_disk_share(link: Link) -> float:
    """Free share of the disk with the append-only file; 1 when it is on another machine."""
    if not link.local:
        return 1.0
    folder = await setting(link, "dir")
    try:
        usage = shutil.disk_usage(Path(folder))
    except OSError:
        return 1.0
    return usage.free / usage.total


async def pressure_of(link: Link) -> Pressure:
    """How full one server is."""
    info = read_info(await link.command("INFO", "memory"))
    allowed = int(info.get("maxmemory", 0))
    used = int(info.get("used_memory", 0))
    return Pressure(used / allowed if allowed else 0.0, await free_disk_share(link))


class Health(Servers):
    """See ``router.journal.port``."""

    async def health(self) -> Mapping[str, str | int | float]:
        """Server, durability mode in force, memory and disk: of several servers the worst."""
        reports = await self._all(self._report(link) for link in self._topology.links)
        order = ("degraded", "standard", "strong")
        durability = min((str(report["durability"]) for report in reports), key=order.index)
        pressure = worst(Pressure(float(r["memory_share"]), float(r["free_disk_share"])) for r in reports)
        return {
            "server": str(reports[0]["server"]),
            "version": str(reports[0]["version"]),
            "servers": len(reports),
            "durability": durability,
            "used_memory": sum(int(report["used_memory"]) for report in reports),
            "maxmemory": sum(int(report["maxmemory"]) for report in reports),
            "memory_share": pressure.memory_share,
            "free_disk_share": pressure.free_disk_share,
            "replicas": min(int(report["replicas"]) for report in reports),
            "reasons": "; ".join(sorted({str(report["reasons"]) for report in reports if report["reasons"]})),
        }

    async def _report(self, link: Link) -> dict[str, str | int | float]:
        info = read_info(await link.command("INFO"))
        policy = info.get("maxmemory_policy", "")
        fsync = await setting(link, "appendfsync")
        replicas = int(info.get("connected_slaves", 0))
        reasons = []
        if info.get("aof_enabled") != "1":
            reasons.append("no append-only file")
        if policy != "noeviction":
            reasons.append(f"maxmemory-policy {policy}")
        if replicas < self._replicas:
            reasons.append(f"{replicas} of {self._replicas} replicas")
        if info.get("aof_last_write_status", "ok") != "ok":
            reasons.append("the append-only file cannot be written")
        durability = "degraded" if reasons else "strong" if fsync == "always" else "standard"
        allowed, used = int(info.get("maxmemory", 0)), int(info.get("used_memory", 0))
        return {
            "server": info.get("server_name", "redis") if "valkey_version" in info else "redis",
            "version": info.get("valkey_version", info.get("redis_version", "")),
            "durability": durability,
            "reasons": ", ".join(reasons),
            "used_memory": used,
            "maxmemory": allowed,
            "memory_share": used / allowed if allowed else 0.0,
            "free_disk_share": await free_disk_share(link),
            "replicas": replicas,
        }
