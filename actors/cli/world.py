"""The world of the demo: three simulated carriers of different price, speed and reliability, a tenant, and its key."""

import os
from pathlib import Path
from typing import Final

import msgspec

from actors.cli.system import Running, System, save_state
from actors.incarnation import incarnation_of
from router.keys import ENTROPY_OCTETS, make_key
from router.passwords import ENTROPY_OCTETS as PASSWORD_ENTROPY
from router.passwords import SALT_OCTETS, hash_password, make_password
from router.settings import Api, CarrierProfile, Price, Settings, SmppAccount, SmppServer, Tenant, Webhook, WebhookRules
from router.webhooks import encode_secret
from sims.smsc.process import SmscProcess
from sims.smsc.temperament import Failure, Temperament

SYSTEM_ID: Final = "trunkline"
PASSWORD: Final = "demo-password"  # noqa: S105 (of a simulator on the loopback interface)
TENANT: Final = "demo"
GATEWAY: Final = "demo-gw"  # the system_id of the customer who sends by SMPP
RECEIPT_HORIZON_S: Final = 30.0  # a day in life; here one wants to see what becomes of a message in a black hole


class DemoCarrier(msgspec.Struct, frozen=True, kw_only=True):
    """A carrier of the demo: what it costs, what it contracts, how it behaves."""

    name: str
    price_micros: int
    speed_mps: int
    temperament: Temperament
    about: str


CARRIERS: Final = (
    DemoCarrier(
        name="budget",
        price_micros=18_000,
        speed_mps=250,
        about="cheap, slow, loses one in fourteen",
        temperament=Temperament(
            answer_median_s=0.03,
            answer_sigma=0.4,
            receipt_median_s=2.5,
            receipt_sigma=0.4,
            delivered=0.93,
            failures=(Failure(stat="UNDELIV", err="006"), Failure(stat="EXPIRED", err="027")),
        ),
    ),
    DemoCarrier(
        name="direct",
        price_micros=32_000,
        speed_mps=250,
        about="fair price, quick, reliable",
        temperament=Temperament(
            answer_median_s=0.015, answer_sigma=0.3, receipt_median_s=1.2, receipt_sigma=0.3, delivered=0.985
        ),
    ),
    DemoCarrier(
        name="premium",
        price_micros=55_000,
        speed_mps=400,
        about="dear, quickest, nearly perfect",
        temperament=Temperament(
            answer_median_s=0.005, answer_sigma=0.3, receipt_median_s=0.6, receipt_sigma=0.3, delivered=0.995
        ),
    ),
)


class World:
    """Simulators and system together. ``webhook_url``: where the tenant's events go; "" for none."""

    def __init__(self, data_dir: Path, system: System) -> None:
        self.data_dir = data_dir.resolve()
        self.system = system
        self.simulators: dict[str, SmscProcess] = {}
        self.secret = encode_secret(os.urandom(32))
        self.smpp_password = make_password(os.urandom(PASSWORD_ENTROPY))
        self.state: Running

    def start(self, *, api_port: int, dashboard_port: int, detached: bool, webhook_url: str = "") -> Running:
        """Start three simulators and the system."""
        self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        for carrier in CARRIERS:
            self.simulators[carrier.name] = SmscProcess(
                carrier.temperament,
                account=f"{SYSTEM_ID}:{PASSWORD}",
                log=self.data_dir / f"smsc-{carrier.name}.log",
                detached=detached,
            )
        plaintext, key = make_key(os.urandom(ENTROPY_OCTETS), TENANT, ("send", "read", "admin"))
        webhook = Webhook(url=webhook_url, secrets=(self.secret,)) if webhook_url else None
        settings = Settings(
            data_dir=str(self.data_dir),
            dashboard_port=dashboard_port,
            api=Api(port=api_port),
            webhooks=WebhookRules(allow_hosts=("127.0.0.1",)),
            carriers=tuple(self._profile(carrier) for carrier in CARRIERS),
            tenants=(Tenant(id=TENANT, title="Demo", rate_mps=20_000, burst=50_000, webhook=webhook),),
            keys=(key,),
            smpp=SmppServer(port=0),
            accounts=(
                SmppAccount(
                    system_id=GATEWAY,
                    tenant=TENANT,
                    password=hash_password(self.smpp_password, os.urandom(SALT_OCTETS)),
                    priorities={"3": "otp", "0": "marketing"},
                ),
            ),
        )
        self.state = self.system.up(settings, config="(demo)", key=plaintext)
        if detached:
            mine = tuple(incarnation_of(simulator.process.pid) for simulator in self.simulators.values())
            self.state = msgspec.structs.replace(self.state, helpers=mine)
            save_state(self.data_dir, self.state)
        return self.state

    def _profile(self, carrier: DemoCarrier) -> CarrierProfile:
        return CarrierProfile(
            name=carrier.name,
            addresses=(self.simulators[carrier.name].address,),
            system_id=SYSTEM_ID,
            password=PASSWORD,
            window=50,
            speed_mps=carrier.speed_mps,
            receipt_horizon_s=RECEIPT_HORIZON_S,
            prices=(Price(to="*", micros=carrier.price_micros),),
        )

    def stop(self) -> None:
        """Stop all of it."""
        self.system.down()
        for simulator in self.simulators.values():
            simulator.stop()
