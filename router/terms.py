"""Settings compiled for intake: what a front looks up for every message, built once per change of the settings."""

from collections.abc import Mapping
from dataclasses import dataclass

from router.settings import Settings, Tenant


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """All that intake and the API ask of the settings."""

    version: int
    settings: Settings
    tenants: Mapping[str, Tenant]

    @classmethod
    def compile(cls, settings: Settings, version: int = 0) -> "Terms":
        """Build every table; raises ``ValueError`` for settings that cannot be."""
        return cls(version=version, settings=settings, tenants={tenant.id: tenant for tenant in settings.tenants})
