"""What the parts of the Redis journal share: servers, and the ways a batch is spread over them."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

from actors.journal.cipher import Cipher
from actors.journal.topology import PREFIXES, Topology, by_partition, columns_of
from router.ids import partition_of_text


def register_key(owner: str) -> str:
    """Where the newest epoch of an owner stands."""
    return f"{PREFIXES[partition_of_text(owner)]}reg:{owner}"


class Servers:
    """Base of the journal's parts."""

    def __init__(
        self, topology: Topology, *, replicas: int, confirm_timeout_s: float, retention_s: float, cipher: Cipher
    ) -> None:
        self._topology = topology
        self._replicas = replicas
        self._confirm_timeout_s = confirm_timeout_s
        self._retention_s = retention_s
        self._cipher = cipher  # what bodies and parts pass through, and nothing else: scripts see octets

    def confirm(self, replicas: int, timeout_s: float) -> None:
        """From now on have what is acknowledged confirmed by so many replicas."""
        self._replicas, self._confirm_timeout_s = replicas, timeout_s

    async def _call(self, site: int, script: str, args: Any, *, confirmed: bool = False) -> Any:
        link = self._topology.link(site)
        if confirmed and self._replicas:
            return await link.run_confirmed(script, args, self._replicas, self._confirm_timeout_s)
        return await link.run(script, args)

    async def _spread(
        self,
        script: str,
        first: Sequence[Any],
        columns: Sequence[Sequence[Any]],
        *,
        confirmed: bool = False,
        groups: dict[int, list[int]] | None = None,
    ) -> list[tuple[Any, list[list[int]]]]:
        """Run a script over items: a reply a site, with the positions of its groups.

        ``columns[0]`` are the items' ids, unless ``groups`` says otherwise which partition each belongs to.
        """
        groups = by_partition(columns[0]) if groups is None else groups
        sites = self._topology.sites(groups)

        async def at(site: int, partitions: list[int]) -> tuple[Any, list[list[int]]]:
            batch = [columns_of(p, groups[p], columns) for p in partitions]
            args = [*first, batch] if first else batch
            return await self._call(site, script, args, confirmed=confirmed), [groups[p] for p in partitions]

        return await self._all(at(site, partitions) for site, partitions in sites.items())

    async def _over(
        self, script: str, partitions: Iterable[int], before: Sequence[Any], after: Sequence[Any]
    ) -> list[tuple[list[int], Any]]:
        """Run a script over partitions: (partitions, reply) a site."""

        async def at(site: int, mine: list[int]) -> tuple[list[int], Any]:
            return mine, await self._call(site, script, [*before, [PREFIXES[p] for p in mine], *after])

        return await self._all(at(site, mine) for site, mine in self._topology.sites(partitions).items())

    @staticmethod
    async def _all(calls: Iterable[Any]) -> list[Any]:
        waiting = list(calls)
        if len(waiting) == 1:
            return [await waiting[0]]
        # Every site gets its part before an error is told: nothing of ours still runs when the caller repeats the call.
        results = await asyncio.gather(*waiting, return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return results


def ms(seconds: float) -> int:
    """Seconds to whole milliseconds."""
    return int(seconds * 1000)
