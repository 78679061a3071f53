"""An account, its tenant and carriers, for the tests of this folder."""

from typing import Any

from carriers.customers.reading import Fault, Submission, read
from carriers.smpp.messages import Message
from router.settings import CarrierProfile, Price, Settings, SmppAccount, Tenant
from router.terms import Terms

NOW_MS = 1_795_344_357_000  # 2026-11-22T10:45:57Z
HASH = "scrypt$16384$8$1$00$00"

TERMS = Terms.compile(
    Settings(
        carriers=(
            CarrierProfile(
                name="one",
                addresses=("127.0.0.1:1",),
                system_id="x",
                covers=("GB", "49"),
                prices=(Price(to="*", micros=10_000),),
                classes=("otp", "transactional"),
            ),
        ),
        tenants=(Tenant(id="shop"), Tenant(id="thrifty", transliterate=True)),
    )
)
SHOP = TERMS.tenants["shop"]


def account(**fields: Any) -> SmppAccount:
    return SmppAccount(**({"system_id": "gw", "tenant": "shop", "password": HASH} | fields))


def message(text: bytes = b"hello", **fields: Any) -> Message:
    values: dict[str, Any] = {
        "source": "ACME", "destination": "447700900123", "short_message": text, "source_ton": 5, "destination_ton": 1,
        "destination_npi": 1, "registered_delivery": 1,
    }  # fmt: skip
    return Message(**(values | fields))


def submission(text: bytes = b"hello", **fields: Any) -> Submission:
    got = read(message(text, **fields), account())
    assert not isinstance(got, Fault), got
    return got
