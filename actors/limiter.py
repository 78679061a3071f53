"""Limiter: a shard of tenants' allowances. Fronts lease tokens from it before they need them."""

import asyncio
import logging
from typing import Any, Final

import msgpack

from actors import machine
from actors.shell import JournalAddress, Shell
from router.journal.port import JournalError
from router.limits import US_PER_DAY, Allowance, Ask

log = logging.getLogger("trunkline.limiter")

KEEP_S: Final = 5.0  # what was spent is on disk so soon
KEEP_TTL_S: Final = 2 * 86_400.0


class Limiter(Shell):
    """Owns its tenants' rates and what they spent today. May forget at most one burst a tenant."""

    kind = "limiter"

    def __init__(self, name: str, address: JournalAddress) -> None:
        self._allowances: dict[str, Allowance] = {}
        self._spent: dict[str, int] = {}  # as last kept
        self._day = 0
        super().__init__(name, address)

    def __repr__(self) -> str:
        return f"{self.name} · {len(self._allowances)} tenants"

    async def run(self) -> None:
        try:
            raw = await self.journal.get_value(self._value)
        except JournalError:
            raw = None
        if raw is not None:
            self._day, self._spent = msgpack.unpackb(raw)[:2]
        self.spawn(self._keep())

    @property
    def _value(self) -> str:
        return f"spend:{self.name}"

    async def lease(self, octets: bytes) -> bytes:
        """Answer asks, [(tenant, ``Ask`` fields), …], with leases in the same order; None for a tenant that does not exist."""
        await self.started.wait()
        now_us = machine.time_ns() // 1_000
        leases = []
        for tenant, ask in msgpack.unpackb(octets):
            allowance = self._allowances.get(tenant) or self._open(tenant, now_us)
            leases.append(None if allowance is None else allowance.lease(Ask(*ask), now_us))
        self.metrics.counter("trunkline_limiter_leases").add(len(leases))
        self.metrics.counter("trunkline_limiter_tokens", "out").add(sum(lease.tokens for lease in leases if lease))
        return msgpack.packb(leases)

    def _open(self, tenant_id: str, now_us: int) -> Allowance | None:
        tenant = next((tenant for tenant in self.settings.tenants if tenant.id == tenant_id), None)
        if tenant is None:
            return None
        allowance = Allowance(tenant.rate_mps, tenant.burst, tenant.daily_spend_micros)
        if self._day == now_us // US_PER_DAY and (spent := self._spent.get(tenant_id, 0)):
            # What was spent before this process started is a debt of the same day.
            allowance.lease(Ask(front="", held=0, debt=0, wanted=0, micros_debt=spent), now_us)
        self._allowances[tenant_id] = allowance
        return allowance

    async def settings_changed(self) -> None:
        now_us = machine.time_ns() // 1_000
        tenants = {tenant.id: tenant for tenant in self.settings.tenants}
        for tenant_id in self._allowances.keys() - tenants.keys():
            del self._allowances[tenant_id]
        for tenant_id, allowance in self._allowances.items():
            tenant = tenants[tenant_id]
            allowance.retune(tenant.rate_mps, tenant.burst, tenant.daily_spend_micros, now_us)

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(KEEP_S)
            await self._store()

    async def _store(self) -> None:
        day = machine.time_ns() // 1_000 // US_PER_DAY
        before = self._spent if day == self._day else {}
        spent = before | {tenant: a.spent_micros for tenant, a in self._allowances.items() if a.spent_micros}
        if (day, spent) == (self._day, self._spent):
            return
        try:
            await self.journal.put_value(self._value, msgpack.packb([day, spent]), KEEP_TTL_S)
        except JournalError as error:
            log.warning("limiter.not_kept error=%s", type(error).__name__)
        else:
            self._day, self._spent = day, spent

    async def drain(self, within_s: float) -> None:
        if self.started.is_set():
            await asyncio.wait_for(self._store(), within_s)

    def health(self) -> dict[str, Any]:
        return {"tenants": len(self._allowances)}
