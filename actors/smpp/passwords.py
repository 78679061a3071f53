"""Whose password it is: checked slowly once, and known again quickly while the account stays as it is."""

import asyncio
import os
from collections.abc import Iterable
from hashlib import blake2b
from typing import Final

from router.passwords import check_password, hash_password
from router.settings import SmppAccount

KNOWN_LIMIT: Final = 10_000  # passwords remembered; more are hashed again


class Verifier:
    """The accounts in force. A gateway that binds a hundred sessions after a cut costs one slow hash, not a hundred."""

    def __init__(self) -> None:
        self.accounts: dict[str, SmppAccount] = {}
        self._known: dict[bytes, SmppAccount] = {}
        self._secret = os.urandom(32)
        # Compared with where there is no such account, so that the time taken does not tell those that exist from the others.
        self._nobody = hash_password("", os.urandom(16))

    def retune(self, accounts: Iterable[SmppAccount]) -> None:
        """The accounts are these now; everything remembered is forgotten."""
        self.accounts = {account.system_id: account for account in accounts}
        self._known.clear()

    async def verify(self, system_id: str, password: str) -> SmppAccount | None:
        """The account that these open, None for none."""
        account = self.accounts.get(system_id)
        kept = account.password if account is not None else self._nobody
        # Keyed, and with what is kept: no password rests in memory, and a changed one is asked for again
        digest = blake2b(f"{system_id}\0{password}\0{kept}".encode(), key=self._secret).digest()
        known = self._known.get(digest)
        if known is not None:
            return known
        right = await asyncio.to_thread(check_password, password, kept)
        if not right or account is None or self.accounts.get(system_id) is not account:
            return None
        if len(self._known) >= KNOWN_LIMIT:
            self._known.clear()
        self._known[digest] = account
        return account
