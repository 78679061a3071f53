"""Reading the configuration: TOML text to ``Settings``, with errors that say where and what in one sentence.

``load_settings`` is the whole way of an operator's file: parse, let the environment override, fetch passwords from it, check
what spans several keys. Nothing here reads a file or the environment: both come in as arguments.
"""

import re
import tomllib
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import msgspec
from msgspec import structs

from router.config_checks import check_settings
from router.config_shape import ConfigError, Path, Problem, dotted, shape_problem
from router.config_store import dump_settings, load_settings_bytes, redact
from router.network_file import read_networks
from router.settings import CarrierProfile, Settings, Tenant
from router.toml_lines import line_of, lines_of

__all__ = [
    "ConfigError",
    "Problem",
    "check_settings",
    "dump_settings",
    "load_settings",
    "load_settings_bytes",
    "override",
    "parse_settings",
    "redact",
    "resolve_secrets",
]

ENV_PREFIX: Final = "env:"
REDIS_URL: Final = "TRUNKLINE_REDIS_URL"  # journal.url
DATA_DIR: Final = "TRUNKLINE_DATA_DIR"  # data_dir
API_PORT: Final = "TRUNKLINE_API_PORT"  # api.port
_OVERRIDES: Final[Mapping[Path, str]] = MappingProxyType(
    {("journal", "url"): REDIS_URL, ("data_dir",): DATA_DIR, ("api", "port"): API_PORT}
)


def parse_settings(text: str, *, source: str) -> Settings:
    """The file's text as ``Settings``: syntax, types, ranges and unknown keys. Raises ``ConfigError`` with one problem."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = re.fullmatch(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", str(error), re.DOTALL)
        if place is None or place[2] is None:
            raise ConfigError([f"{source}: this is no TOML: {error}"]) from error
        raise ConfigError([f"{source}, line {place[2]}: this is no TOML: {place[1]} (column {place[3]})"]) from error
    problem = shape_problem(document)
    if problem is not None:
        raise ConfigError([_sentence(problem, source, lines_of(text))])
    return msgspec.convert(document, Settings)


def load_settings(
    text: str,
    *,
    source: str,
    environ: Mapping[str, str],
    exists: Callable[[str], bool],
    read: Callable[[str], str] | None = None,
) -> Settings:
    """The operator's file, ready for use. Raises ``ConfigError`` with all problems.

    ``exists`` tells whether a file is there; ``read`` reads one, raising ``OSError`` or ``UnicodeDecodeError`` (None: there are none).
    """
    settings = override(parse_settings(text, source=source), environ)
    settings, faults = add_networks(settings, read)
    if faults:
        raise ConfigError(f"{source}: {fault}" if fault.startswith("networks_file") else fault for fault in faults)
    settings, problems = resolve_secrets(settings, environ)
    if not problems:
        problems = check_settings(settings, exists=exists)
    if problems:
        lines = lines_of(text)
        blame = {path: name for path, name in _OVERRIDES.items() if environ.get(name)}
        raise ConfigError(
            _sentence(p, f"the environment ({blame[p.path]})", {}) if p.path in blame else _sentence(p, source, lines)
            for p in problems
        )
    return settings


def add_networks(settings: Settings, read: Callable[[str], str] | None) -> tuple[Settings, tuple[str, ...]]:
    """The settings with the table of ``networks_file`` in them, and what is wrong with the file."""
    name = settings.networks_file
    if not name:
        return settings, ()
    try:
        text = read(name) if read is not None else None
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or error
        return settings, (f"networks_file cannot be read: {name!r}: {why}",)
    if text is None:
        return settings, (f"networks_file cannot be read: {name!r}",)
    found = read_networks(text, name)
    together = dict(settings.prefixes)
    for network, prefixes in found.prefixes.items():
        together[network] = (*together.get(network, ()), *prefixes)
    return structs.replace(settings, prefixes=together), found.faults


def override(settings: Settings, environ: Mapping[str, str]) -> Settings:
    """What the environment says before the file: TRUNKLINE_REDIS_URL, TRUNKLINE_DATA_DIR, TRUNKLINE_API_PORT. Empty is unset."""
    if url := environ.get(REDIS_URL):
        settings = structs.replace(settings, journal=structs.replace(settings.journal, url=url))
    if folder := environ.get(DATA_DIR):
        settings = structs.replace(settings, data_dir=folder)
    if port := environ.get(API_PORT):
        if not re.fullmatch(r"[0-9]{1,5}", port) or int(port) > 65_535:
            raise ConfigError([f"the environment: {API_PORT} must be a port from 0 to 65535, not {port!r}"])
        settings = structs.replace(settings, api=structs.replace(settings.api, port=int(port)))
    return settings


def resolve_secrets(settings: Settings, environ: Mapping[str, str]) -> tuple[Settings, list[Problem]]:
    """Replace ``env:NAME`` by the value of NAME; what is missing is a problem.

    In carriers' passwords, webhooks' secrets and the headers of the portability service.
    """
    problems: list[Problem] = []

    def fetch(value: str, path: Path) -> str:
        if not value.startswith(ENV_PREFIX):
            return value
        name = value.removeprefix(ENV_PREFIX)
        if not environ.get(name):
            problems.append(Problem(path, f"needs the environment variable {name!r}, which is not set"))
        return environ.get(name, "")

    def carrier(at: int, profile: CarrierProfile) -> CarrierProfile:
        return structs.replace(profile, password=fetch(profile.password, ("carriers", at, "password")))

    def tenant(at: int, customer: Tenant) -> Tenant:
        hook = customer.webhook
        if hook is None:
            return customer
        secrets = tuple(fetch(s, ("tenants", at, "webhook", "secrets", n)) for n, s in enumerate(hook.secrets))
        return structs.replace(customer, webhook=structs.replace(hook, secrets=secrets))

    service = settings.portability
    headers = {name: fetch(value, ("portability", "headers", name)) for name, value in service.headers.items()}
    resolved = structs.replace(
        settings,
        portability=structs.replace(service, headers=headers),
        carriers=tuple(carrier(at, profile) for at, profile in enumerate(settings.carriers)),
        tenants=tuple(tenant(at, customer) for at, customer in enumerate(settings.tenants)),
    )
    return resolved, problems


def _sentence(problem: Problem, source: str, lines: Mapping[Path, int]) -> str:
    line = line_of(lines, problem.path)
    place = f"{source}, line {line}" if line else source
    return f"{place}: {dotted(problem.path)} {problem.wrong}"
