"""GET /v1/accounts: who binds by SMPP, and what waits for those who are away."""

import msgspec

from router.api.http import Call, Reply, json_reply
from router.api.port import AccountStatus
from router.api.read import unavailable
from router.journal.port import JournalError
from router.setting import ClassWord


class AccountView(msgspec.Struct, frozen=True, kw_only=True):
    """An SMPP account: what is set, and how it is now."""

    system_id: str
    tenant: str
    enabled: bool
    klass: ClassWord = msgspec.field(name="class")
    sessions: int  # bound now, on all servers
    receivers: int  # of these, able to take receipts and messages
    waiting: int  # receipts and messages that it has not taken yet


class AccountList(msgspec.Struct, frozen=True):
    """The tenant's accounts by system_id; with the scope admin, everybody's."""

    data: list[AccountView]


async def accounts(call: Call) -> Reply:
    """Handle GET /v1/accounts."""
    everybody = "admin" in call.key.scopes
    live = await call.front.accounts()
    shown = []
    for account in sorted(call.front.terms.settings.accounts, key=lambda account: account.system_id):
        if not everybody and account.tenant != call.tenant.id:
            continue
        now = live.get(account.system_id, AccountStatus())
        try:
            waiting = await call.front.journal.waiting_notices(account.system_id)
        except JournalError as error:
            unavailable(error)
        shown.append(
            AccountView(
                system_id=account.system_id,
                tenant=account.tenant,
                enabled=account.enabled,
                klass=account.klass,
                sessions=now.sessions,
                receivers=now.receivers,
                waiting=waiting,
            )
        )
    return json_reply(200, AccountList(shown))
