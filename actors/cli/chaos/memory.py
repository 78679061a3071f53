"""The journal's server near its limit of memory: what is refused then, seen at the door."""

import time
from typing import Final

import redis

from actors.cli.chaos.victims import Customer
from actors.cli.chaos.world import World
from actors.journal.health import read_info
from sims.invariants import Memory

SHARE: Final = 0.92  # of the limit that is in use then: everything but one-time codes is refused
LOOK_S: Final = 0.3


def press(world: World, customer: Customer, hold_s: float) -> list[Memory]:
    """Lower the limit for a while; what was seen meanwhile."""
    client = redis.Redis.from_url(world.journal_url)
    looks: list[Memory] = []
    try:
        before = str(client.config_get("maxmemory")["maxmemory"])
        used = int(read_info(client.info("memory"))["used_memory"])
        client.config_set("maxmemory", int(used / SHARE))
        try:
            end_s = time.monotonic() + hold_s
            while time.monotonic() < end_s:
                looks.append(_look(client, customer))
                time.sleep(LOOK_S)
        finally:
            client.config_set("maxmemory", before)
    finally:
        client.close()
    return looks


def _look(client: "redis.Redis", customer: Customer) -> Memory:
    """Memory in use, and which classes are refused."""
    info = read_info(client.info("memory"))
    shed = customer.refused()
    return Memory(time.time_ns() // 1_000, int(info["used_memory"]), int(info["maxmemory"]), shed)
