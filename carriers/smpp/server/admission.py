"""Who may bind: guesses, credentials, addresses and counts, in the order that tells strangers least."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from carriers.smpp.commands import RBINDFAIL, RINVPASWD, ROK, RSYSERR
from carriers.smpp.operations import Bind
from carriers.smpp.server.port import Customers
from router.addresses import AllowList
from router.guesses import Guesses
from router.settings import SmppAccount

# A check costs some 40 ms of CPU: a flood of binds waits in line and must not become a flood of hashes.
CHECKS_AT_ONCE: Final = 2


class Judgement(NamedTuple):
    """What is said to a bind."""

    status: int
    reason: str = ""  # for the log and the counters; "" when it is accepted
    account: SmppAccount | None = None


class Admission:
    """Asks ``verify`` only for those who have not guessed too often, and for few at a time."""

    def __init__(self, customers: Customers, clock: Callable[[], float]) -> None:
        """Nobody has guessed yet."""
        self.guesses = Guesses()
        self._customers = customers
        self._clock = clock
        self._checks = asyncio.Semaphore(CHECKS_AT_ONCE)
        self._accounts: Mapping[str, SmppAccount] | None = None  # None: as ``verify`` gives them

    def retune(self, accounts: Mapping[str, SmppAccount]) -> None:
        """These accounts exist now, whatever a check under way finds."""
        self._accounts = accounts

    async def judge(self, bind: Bind, peer: str, waiting: Callable[[], bool]) -> Judgement:
        """Whose bind this is; ``waiting``: whether anybody still waits for the answer when its turn has come.

        A wrong password and an unknown id are answered alike. What an account's owner alone may know (it is disabled, this is
        not its address) is said after the password, and counts as a guess all the same.
        """
        if self._throttled(bind.system_id, peer):
            return Judgement(RBINDFAIL, "guesses")
        async with self._checks:
            if not waiting():
                return Judgement(RBINDFAIL, "gone")
            if self._throttled(bind.system_id, peer):  # those before it in the line may have been guesses
                return Judgement(RBINDFAIL, "guesses")
            try:
                account = await self._customers.verify(bind.system_id, bind.password)
            except Exception as error:  # noqa: BLE001 whatever failed is ours: the customer is to come again
                return Judgement(RSYSERR, f"verify:{type(error).__name__}")
        judgement = self._judge(account, peer)
        if judgement.status == ROK:
            self.guesses.succeeded(peer, bind.system_id)
        else:
            self.guesses.failed(peer, bind.system_id, self._clock())
        return judgement

    def _judge(self, account: SmppAccount | None, peer: str) -> Judgement:
        if account is not None and self._accounts is not None:
            current = self._accounts.get(account.system_id)
            account = current if current is not None and current.password == account.password else None
        if account is None:
            return Judgement(RINVPASWD, "credentials")
        if not account.enabled:
            return Judgement(RBINDFAIL, "disabled")
        if not may_come_from(account, peer):
            return Judgement(RBINDFAIL, "address")
        return Judgement(ROK, "", account)

    def _throttled(self, system_id: str, peer: str) -> bool:
        return self.guesses.wait_s(peer, system_id, self._clock()) > 0


def may_come_from(account: SmppAccount, peer: str) -> bool:
    """Whether an account may bind from an address."""
    return not account.addresses or AllowList(account.addresses).has_address(peer)
