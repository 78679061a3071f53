"""SMPP accounts over the REST API: who may see which, and what is told of them."""

import msgspec

from router.api.port import AccountStatus
from router.passwords import hash_password
from router.settings import SmppAccount
from router.terms import Terms

HASH = hash_password("swordfish", bytes(16))


def with_accounts(api):
    accounts = (
        SmppAccount(system_id="zeta", tenant="acme", password=HASH),
        SmppAccount(system_id="alpha", tenant="acme", password=HASH, enabled=False, klass="otp"),
        SmppAccount(system_id="other", tenant="globex", password=HASH),
    )
    api.front.terms = Terms.compile(msgspec.structs.replace(api.front.terms.settings, accounts=accounts), secret=b"s")
    api.front.gateways = {"zeta": AccountStatus(sessions=2, receivers=1)}


async def test_a_tenant_sees_its_own_accounts_and_no_password(api):
    with_accounts(api)
    status, shown, _ = await api("GET", "/v1/accounts")
    assert status == 200
    assert [account["system_id"] for account in shown["data"]] == ["alpha", "zeta"]
    alpha, zeta = shown["data"]
    assert alpha == {
        "system_id": "alpha",
        "tenant": "acme",
        "enabled": False,
        "class": "otp",
        "sessions": 0,
        "receivers": 0,
        "waiting": 0,
    }
    assert (zeta["sessions"], zeta["receivers"]) == (2, 1)
    assert "scrypt" not in str(shown)


async def test_an_operator_sees_all(api):
    with_accounts(api)
    _, shown, _ = await api("GET", "/v1/accounts", key="admin")
    assert [account["system_id"] for account in shown["data"]] == ["alpha", "other", "zeta"]


async def test_without_accounts_there_is_an_empty_list(api):
    assert (await api("GET", "/v1/accounts"))[1] == {"data": []}
