"""What an operator sets: carriers, tenants, classes, the system. One TOML file, read into these frozen structures.

msgspec checks types, ranges and unknown keys, and its errors name the key. ``router.config`` reads the file and checks what
spans several keys.
"""

from typing import Annotated, Final, Literal

from msgspec import Meta, field

from router.discreet import discreet
from router.model import MessageClass
from router.rule_settings import PolicyRules, Portability, RescueRules, Rule
from router.setting import ClassWord, Destination, Micros, Name, Octet, Port, Seconds, Setting

Reaction = Literal["permanent", "same", "other", "throttle", "queue_full", "rebind"]
LongMessages = Literal["udh8", "udh16", "sar", "payload"]


class Price(Setting, frozen=True, kw_only=True):
    """What a segment costs to a destination: the longest matching prefix or the exact network wins."""

    to: Destination
    micros: Micros


class Tls(Setting, frozen=True, kw_only=True):
    """TLS towards a carrier: from the first octet, on a port of its own; verified unless switched off by name."""

    verify: bool = True
    ca_file: str = ""  # a private authority; "" is the system's
    server_name: str = ""  # "" is the host of the address


@discreet("password")
class CarrierProfile(Setting, frozen=True, kw_only=True):
    """One carrier account: how to reach it, what it may carry, what it costs and what is odd about it."""

    name: Name
    protocol: Literal["smpp"] = "smpp"
    addresses: Annotated[tuple[str, ...], Meta(min_length=1)]  # "host:port"; sessions are spread over them
    system_id: Annotated[str, Meta(max_length=15)]
    password: Annotated[str, Meta(max_length=64)] = ""
    system_type: Annotated[str, Meta(max_length=12)] = ""
    bind: Literal["transceiver", "transmitter_receiver"] = "transceiver"
    sessions: Annotated[int, Meta(ge=1, le=64)] = 1  # binds of each kind
    window: Annotated[int, Meta(ge=0, le=10_000)] = 10  # unanswered submits per session (SMPP 3.4, 2.9: 10 is usual); 0: find it
    speed_mps: Annotated[int, Meta(ge=0, le=100_000)] = 0  # contracted segments a second, all sessions together; 0: none
    tls: Tls | None = None
    interface_version: Octet = 0x34
    # -- what it takes
    classes: tuple[ClassWord, ...] = ("otp", "transactional", "marketing")
    covers: tuple[str, ...] = ("*",)  # as Price.to
    prices: tuple[Price, ...] = ()
    enabled: bool = True
    labels: dict[str, str] = {}  # Ray node labels it must run on (carriers know their customers by source address)
    # -- wire habits
    default_alphabet: Literal["gsm7", "latin1"] = "gsm7"  # what data_coding 0 means there
    ucs2: bool = True
    long_messages: LongMessages = "udh8"  # how parts are marked: a header with an 8- or 16-bit reference, sar_* TLVs, or not
    service_type: Annotated[str, Meta(max_length=5)] = ""
    international_ton: Octet = 1
    international_npi: Octet = 1
    short_code_ton: Octet = 3
    short_code_npi: Octet = 0
    alphanumeric_ton: Octet = 5
    alphanumeric_npi: Octet = 0
    registered_delivery: Octet = 1
    send_validity: bool = True
    receipt_ids: Literal["exact", "case_insensitive", "strip_zeros", "hex_to_decimal", "decimal_to_hex"] = "exact"
    receipt_by_text: bool = True  # recognise receipts sent with esm_class 0 by their text
    query_after_s: Seconds = 0.0  # a submit without a receipt for so long is asked about with query_sm; 0: never
    shift_tables: tuple[Literal["turkish", "spanish", "portuguese"], ...] = ()  # national tables it passes on to handsets
    inbound_alphabet: Literal["gsm7", "latin1"] = "gsm7"  # what data_coding 0 means in messages from handsets
    tlvs: dict[str, str] = {}  # "0x1400" → octets in hexadecimal, sent with every message
    statuses: dict[str, Reaction] = {}  # "0x45" → reaction: what a command_status means at this carrier
    # -- timers, SMPP.md section 3
    connect_timeout_s: Seconds = 10.0
    bind_timeout_s: Seconds = 10.0
    enquire_link_s: Seconds = 30.0
    enquire_answer_s: Seconds = 10.0
    response_timeout_s: Seconds = 60.0
    receipt_horizon_s: Seconds = 86_400.0
    rebind_min_s: Seconds = 1.0
    rebind_max_s: Seconds = 60.0


@discreet("url", "secrets")
class Webhook(Setting, frozen=True, kw_only=True):
    """Where a tenant's events go, signed to the Standard Webhooks specification."""

    url: Annotated[str, Meta(pattern=r"^(https?://|$)", max_length=2048)] = ""  # "": only where a message names its own
    secrets: Annotated[tuple[str, ...], Meta(min_length=1)]  # "whsec_…", newest first; several while one is rotated
    events: tuple[str, ...] = ("message.*",)
    pipeline: Annotated[int, Meta(ge=1, le=100)] = 1  # requests that may go out together on a connection: RFC 9112, 9.3.2


class Tenant(Setting, frozen=True, kw_only=True):
    """A customer: limits, habits, where its events go."""

    id: Name
    title: str = ""
    rate_mps: Annotated[int, Meta(ge=1, le=1_000_000)] = 100  # messages a second
    burst: Annotated[int, Meta(ge=1, le=10_000_000)] = 1_000  # messages at once after a pause
    daily_spend_micros: Annotated[int, Meta(ge=0)] = 0  # 0: no cap
    webhook: Webhook | None = None
    policies: dict[ClassWord, str] = {}
    transliterate: bool = False  # replace what GSM 03.38 does not hold by what reads alike, unless a message says otherwise
    retention_s: Annotated[int, Meta(ge=0, le=90 * 86_400)] = 0
    rescue: bool = True  # whether its messages may be sent a second time by another carrier, in the classes of ``rescue``


@discreet("sha256")
class Key(Setting, frozen=True, kw_only=True):
    """An API key as it is kept: never the key itself, only its SHA-256."""

    id: Annotated[str, Meta(pattern=r"^[A-Za-z0-9]{8}$")]
    tenant: Name
    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
    scopes: tuple[Literal["send", "read", "admin"], ...] = ("send", "read")


@discreet("password")
class SmppAccount(Setting, frozen=True, kw_only=True):
    """How a customer's gateway binds to us: one system_id, of one tenant. Never its password, only what proves it."""

    system_id: Annotated[str, Meta(pattern=r"^[!-~]{1,15}$")]
    tenant: Name
    password: Annotated[str, Meta(pattern=r"^scrypt\$[0-9]+\$[0-9]+\$[0-9]+\$[0-9a-f]+\$[0-9a-f]+$")]  # see ``router.passwords``
    enabled: bool = True
    addresses: tuple[str, ...] = ()  # addresses and networks it may bind from; none named: any
    max_binds: Annotated[int, Meta(ge=1, le=1_000)] = 4  # on each server
    window: Annotated[int, Meta(ge=1, le=10_000)] = 10  # unanswered deliver_sm on each session
    klass: ClassWord = field(name="class", default="transactional")
    priorities: dict[str, ClassWord] = {}  # priority_flag, "0" to "255" → the class of messages that carry it
    alphabet: Literal["gsm7", "latin1"] = "gsm7"  # what data_coding 0 means there, both ways
    ascii_alphabet: Literal["gsm7", "latin1"] = "gsm7"  # what it means by data_coding 1
    long_messages: LongMessages = "udh8"  # how parts of messages to it are marked


class InboundRule(Setting, frozen=True, kw_only=True):
    """Whose a message from a handset is. Among the rules that fit, one with a keyword wins, then the longest ``to``."""

    to: Annotated[
        str, Meta(pattern=r"^(\*|[0-9]{1,15}\*?|[A-Za-z][A-Za-z0-9 ]{0,10})$")
    ]  # number, short code, digits and "*", or "*"
    keyword: Annotated[str, Meta(pattern=r"^[^\s]{0,32}$")] = ""  # the first word of the text, in capitals or not; "": any
    carrier: Annotated[str, Meta(max_length=32)] = ""  # only what comes by this carrier; "": by any
    tenant: Name
    account: Annotated[str, Meta(max_length=15)] = ""  # the system_id it is delivered to besides the tenant's webhook; "": none


class ClassRules(Setting, frozen=True, kw_only=True):
    """What a class of messages is worth and how it behaves. Money in millionths of the system's currency."""

    deadline_s: Seconds  # delivered later than this counts as late
    loss_micros: Micros  # what a message that does not arrive costs its sender
    time_micros_per_s: Micros  # what each second of waiting costs
    validity_s: Seconds  # default validity_period
    attempts: Annotated[int, Meta(ge=1, le=20)]
    on_unknown: Literal["resend", "resend_once", "never"]  # after the hold: again at once, once more, not at all
    unknown_hold_s: Seconds  # how long a receipt or a late answer may settle a submit without an answer


DEFAULT_CLASSES: Final[dict[str, ClassRules]] = {
    # BRAIN.md: deadlines, losses and value of time; DESIGN.md promise 3: what UNKNOWN means to each
    "otp": ClassRules(
        deadline_s=15,
        loss_micros=300_000,
        time_micros_per_s=4_000,
        validity_s=300,
        attempts=4,
        on_unknown="resend",
        unknown_hold_s=3,
    ),
    "transactional": ClassRules(
        deadline_s=60,
        loss_micros=120_000,
        time_micros_per_s=500,
        validity_s=86_400,
        attempts=4,
        on_unknown="resend_once",
        unknown_hold_s=60,
    ),
    "marketing": ClassRules(
        deadline_s=600,
        loss_micros=80_000,
        time_micros_per_s=0,
        validity_s=86_400,
        attempts=3,
        on_unknown="never",
        unknown_hold_s=600,
    ),
}


class Network(Setting, frozen=True, kw_only=True):
    """A number prefix that belongs to a mobile network."""

    prefix: Annotated[str, Meta(pattern=r"^[1-9][0-9]{0,14}$")]
    mcc_mnc: Annotated[str, Meta(pattern=r"^[0-9]{5,6}$")]


class Api(Setting, frozen=True, kw_only=True):
    """The front."""

    host: str = "127.0.0.1"
    port: Port = 8080
    fronts: Annotated[int, Meta(ge=1, le=64)] = 1  # a node
    docs: bool = True


@discreet("url")
class JournalSettings(Setting, frozen=True, kw_only=True):
    """Where the journal is and how sure it must be before a 202."""

    url: str = ""  # "" : a server of our own in the data folder; TRUNKLINE_REDIS_URL overrides
    fsync: Literal["always", "everysec"] = "always"  # of the server of our own
    replicas: Annotated[int, Meta(ge=0, le=8)] = 0  # confirmations that an accept waits for (WAITAOF 1 n)
    confirm_timeout_s: Seconds = 2.0
    retention_s: Annotated[int, Meta(ge=60, le=90 * 86_400)] = 86_400  # how long ended messages can be read
    queue_limit: Annotated[int, Meta(ge=0)] = 0  # messages that may wait for a carrier; 0: as many as the journal's memory holds
    encrypt: bool = True  # texts and numbers at rest, under a key of each tenant
    keys_dir: str = ""  # where these keys are; "": the folder ``keys`` in the data folder


class WebhookRules(Setting, frozen=True, kw_only=True):
    """The courier."""

    allow_hosts: tuple[str, ...] = ()  # private or loopback hosts that webhooks may reach, by name or address
    timeout_s: Seconds = 15.0
    concurrency: Annotated[int, Meta(ge=1, le=10_000)] = 64


class SmppServer(Setting, frozen=True, kw_only=True):
    """Where customers' gateways bind. It runs when there are accounts."""

    host: str = "127.0.0.1"
    port: Port = 2775  # plain; 0: any free one
    tls_port: Port = 3550  # TLS from the first octet; 0: any free one. Listened on when there is a certificate
    tls_certificate: str = ""  # a chain, PEM; "": no TLS
    tls_key: str = ""  # PEM; "": it is in the same file
    servers: Annotated[int, Meta(ge=1, le=64)] = 1  # processes that listen on each node
    max_sessions: Annotated[int, Meta(ge=1, le=100_000)] = 1_000  # of one process, connections that are not bound included
    enquire_link_s: Seconds = 30.0
    inactivity_s: Seconds = 300.0  # without a PDU but enquire_link: unbound; 0: never
    deliver_timeout_s: Seconds = 30.0  # a deliver_sm without an answer for so long is sent again
    parts_timeout_s: Seconds = 300.0  # how long the parts of a long message may take to come
    keep_s: Seconds = 259_200.0  # how long receipts and messages wait for a customer who is away


class Workers(Setting, frozen=True, kw_only=True):
    """How many of each actor run."""

    dispatchers: Annotated[int, Meta(ge=1, le=64)] = 1
    couriers: Annotated[int, Meta(ge=1, le=64)] = 1
    limiters: Annotated[int, Meta(ge=1, le=64)] = 1
    brains: Annotated[int, Meta(ge=1, le=16)] = 1


class Settings(Setting, frozen=True, kw_only=True):
    """The whole file."""

    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}$")] = "EUR"
    data_dir: str = ".trunkline"
    dashboard_port: Port = 8265
    api: Api = Api()
    journal: JournalSettings = JournalSettings()
    workers: Workers = Workers()
    webhooks: WebhookRules = WebhookRules()
    smpp: SmppServer = SmppServer()
    classes: dict[ClassWord, ClassRules] = {}
    policies: dict[str, PolicyRules] = {}
    groups: dict[str, Annotated[tuple[Name, ...], Meta(min_length=1)]] = {}
    routing: tuple[Rule, ...] = field(name="rules", default=())
    networks: tuple[Network, ...] = ()  # before the file's
    networks_file: str = ""  # a table of more of them, read at start
    prefixes: dict[str, tuple[str, ...]] = {}  # MCC-MNC → prefixes: the file's, as it is kept
    portability: Portability = Portability()
    rescue: RescueRules = RescueRules()
    carriers: tuple[CarrierProfile, ...] = ()
    tenants: tuple[Tenant, ...] = ()
    keys: tuple[Key, ...] = ()
    accounts: tuple[SmppAccount, ...] = ()
    inbound: tuple[InboundRule, ...] = ()

    def rules(self, klass: MessageClass) -> ClassRules:
        """The rules in force for a class."""
        word = klass.word
        return self.classes.get(word) or DEFAULT_CLASSES[word]  # type: ignore[call-overload]
