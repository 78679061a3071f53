"""A front's tokens: spent without asking anybody, leased from the limiter shards before they run out."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final

import msgpack

from actors import machine
from actors.names import doors, limiter_of
from actors.peers import ASK_TIMEOUT_S, PeerCalls
from actors.waiting import woken
from router.leases import LeasedTokens
from router.limits import Admitted, Ask, Lease, Refused
from router.settings import Settings, Tenant

log = logging.getLogger("trunkline.front")

# Asks of tenants who are in no hurry wait so long for company: a call costs either side the same for one as for fifty, and ten thousand tenants
# who send now and then ask at each request.
GATHER_S: Final = 0.02


class TokenDesk:
    """All tenants of one front. ``spawn`` runs what asks the limiters."""

    def __init__(self, front: str, peers: PeerCalls, spawn: Callable[[Coroutine[Any, Any, None]], object]) -> None:
        self._front = front
        self._peers = peers
        self._spawn = spawn
        self._settings: Settings
        self._tenants: dict[str, Tenant] = {}
        self._tokens: dict[str, LeasedTokens] = {}
        self._asks: list[tuple[str, Ask]] = []
        self._asking = False
        self._urgent = asyncio.Event()

    def retune(self, settings: Settings) -> None:
        """The settings are these now; what is leased stays leased."""
        self._settings = settings
        self._tenants = {tenant.id: tenant for tenant in settings.tenants}
        for tenant_id, tokens in list(self._tokens.items()):
            tenant = self._tenants.get(tenant_id)
            if tenant is None:
                del self._tokens[tenant_id]
            else:
                sharers = len(doors(settings))
                tokens.retune(tenant.rate_mps, tenant.burst, tenant.daily_spend_micros, sharers=sharers)

    def admit(self, tenant: str, messages: int, spend_micros: int, now_us: int) -> Admitted | Refused:
        """Spend tokens, all or nothing; asks for more in the background when they run low."""
        tokens = self._tokens.get(tenant) or self._open(tenant)
        if tokens is None:
            return Refused(0, 0, 0, 1, "tenant")
        verdict = tokens.spend(messages, spend_micros, now_us)
        ask = tokens.ask(now_us)
        if ask is not None:
            self._asks.append((tenant, ask))
            if not self._asking:
                self._asking = True
                self._spawn(self._ask_limiters())
        if self._asks and tokens.hurried:
            self._urgent.set()
        return verdict

    def _open(self, tenant_id: str) -> LeasedTokens | None:
        tenant = self._tenants.get(tenant_id)
        if tenant is None:
            return None
        tokens = LeasedTokens(
            self._front, tenant.rate_mps, tenant.burst, tenant.daily_spend_micros, sharers=len(doors(self._settings))
        )
        self._tokens[tenant_id] = tokens
        return tokens

    async def _ask_limiters(self) -> None:
        while self._asks:
            await woken(self._urgent, GATHER_S)
            self._urgent.clear()
            asks, self._asks = self._asks, []
            shards: dict[str, list[tuple[str, Ask]]] = {}
            for tenant, ask in asks:
                shards.setdefault(limiter_of(tenant, self._settings), []).append((tenant, ask))
            await asyncio.gather(*(self._ask_limiter(name, mine) for name, mine in shards.items()))
        self._asking = False

    async def _ask_limiter(self, name: str, asks: list[tuple[str, Ask]]) -> None:
        try:
            raw = await asyncio.wait_for(self._peers.lease(name, msgpack.packb(asks)), ASK_TIMEOUT_S)
        except Exception as error:  # whatever Ray raises: the shard is away, and the last rate goes on
            log.warning("front.limiter_silent limiter=%s error=%s", name, type(error).__name__)
            for tenant, _ in asks:
                if tenant in self._tokens:
                    self._tokens[tenant].failed()
            return
        now_us = machine.time_ns() // 1_000
        for (tenant, _), lease in zip(asks, msgpack.unpackb(raw), strict=True):
            tokens = self._tokens.get(tenant)
            if tokens is None:
                continue
            if lease is None:
                tokens.failed()
            else:
                tokens.leased(Lease(*lease), now_us)
