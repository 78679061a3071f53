"""The configuration as octets, for the journal, and as something that may be shown.

Stored: versioned msgpack, [version, {key: value, …}], with all keys and **all secrets** (carriers' passwords, webhooks' secrets): whoever
may read the journal may read them, as whoever may read the file could. Readers ignore keys they do not know, so that two
releases can share a journal while one follows the other.
"""

import re
from typing import Any, Final, Literal, get_args, get_origin

import msgspec
from msgspec import structs

from router.config_shape import ConfigError, dotted, inside, plain, shape_problem
from router.setting import Setting
from router.settings import CarrierProfile, Key, Settings, Tenant

STORE_VERSION: Final = 1
MASK: Final = "***"

_same_release = msgspec.msgpack.Decoder(tuple[Literal[1], Settings])  # STORE_VERSION


def dump_settings(settings: Settings) -> bytes:
    """Settings to octets, secrets included."""
    return msgspec.msgpack.encode([STORE_VERSION, settings])


def load_settings_bytes(octets: bytes) -> Settings:
    """Octets to settings; raises ``ConfigError`` when this release cannot read them."""
    try:
        return _same_release.decode(octets)[1]
    except (msgspec.DecodeError, ValueError):
        pass  # another release's, or damaged: slowly, then (measured with 5,000 tenants: 20 ms against 300 ms)
    try:
        version, document, *_ = msgspec.msgpack.decode(octets)
    except (msgspec.DecodeError, ValueError, TypeError) as error:
        raise ConfigError(["the stored configuration: the octets are no msgpack of it"]) from error
    if version != STORE_VERSION:
        raise ConfigError([f"the stored configuration: version {version!r} is not known to this release"])
    known = _known(document, Settings)
    problem = shape_problem(known)
    if problem is not None:
        raise ConfigError([f"the stored configuration: {dotted(problem.path)} {problem.wrong}"])
    return msgspec.convert(known, Settings)


def redact(settings: Settings) -> dict[str, Any]:
    """Settings as plain values to be shown, without what must not be (passwords, secrets, hashes of keys) or would be too much."""
    shown = structs.replace(
        settings,
        journal=structs.replace(settings.journal, url=_without_password(settings.journal.url)),
        carriers=tuple(_shown_carrier(profile) for profile in settings.carriers),
        tenants=tuple(_shown_tenant(tenant) for tenant in settings.tenants),
        keys=tuple(_shown_key(key) for key in settings.keys),
        portability=structs.replace(
            settings.portability,
            url=settings.portability.url.partition("?")[0],
            headers=dict.fromkeys(settings.portability.headers, MASK),
        ),
        prefixes={},
        accounts=tuple(structs.replace(account, password=MASK) for account in settings.accounts),
    )
    return msgspec.to_builtins(shown)


def _shown_carrier(profile: CarrierProfile) -> CarrierProfile:
    return structs.replace(profile, password=MASK if profile.password else "")


def _shown_tenant(tenant: Tenant) -> Tenant:
    hook = tenant.webhook
    return tenant if hook is None else structs.replace(tenant, webhook=structs.replace(hook, secrets=(MASK,) * len(hook.secrets)))


def _shown_key(key: Key) -> Key:
    return structs.replace(key, sha256=MASK)


def _without_password(url: str) -> str:
    """``redis://user:password@host`` and ``?password=…`` with the password masked, in each of several URLs."""
    url = re.sub(r"(://[^/@:?#,]*):[^/?#,]*@", rf"\1:{MASK}@", url)
    return re.sub(r"([?&]password=)[^&#,]*", rf"\1{MASK}", url)


def _known(value: Any, kind: Any) -> Any:
    """A document without the keys that no structure of this release has."""
    kind = plain(kind)
    if isinstance(value, dict):
        is_struct = isinstance(kind, type) and issubclass(kind, Setting)
        kinds = {key: inside(kind, key) if is_struct else get_args(kind)[1] for key in value}
        return {key: _known(value[key], found) for key, found in kinds.items() if found is not None}
    if isinstance(value, list) and get_origin(kind) is tuple:
        return [_known(item, inside(kind, 0)) for item in value]
    return value
