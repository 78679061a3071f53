"""How actors and what they share are called, here and in the Ray dashboard, and which actors a configuration asks for."""

from typing import Final

from router.ids import partition_of_text
from router.settings import Settings

SUPERVISOR: Final = "supervisor"
BRAIN: Final = "brain"  # the first; the others have numbers
MOST_BRAINS: Final = 16
BOARD_VALUE: Final = "board"  # the journal's value that dispatchers and fronts plan by


def brain_actor(index: int) -> str:
    """A brain."""
    return f"{BRAIN}:#{index}" if index else BRAIN


def brain_index(actor: str) -> int:
    """Which of the brains an actor is."""
    return int(actor.rpartition("#")[2]) if "#" in actor else 0


def brain_of(carrier: str, brains: int) -> int:
    """Which of so many brains holds a carrier: all of it, so that faults in a row and changes are seen in one place."""
    return partition_of_text(carrier) % brains


def carrier_actor(carrier: str) -> str:
    """The actor that holds a carrier's sessions."""
    return f"carrier:{carrier}#0"


def carrier_of(actor: str) -> str:
    """The carrier whose sessions an actor holds."""
    return actor.removeprefix("carrier:").rpartition("#")[0]


def front_actor(index: int) -> str:
    """A front of the API."""
    return f"front:#{index}"


def esme_actor(index: int) -> str:
    """A server that customers' gateways bind to."""
    return f"esme:#{index}"


def dispatcher_actor(index: int) -> str:
    """A dispatcher."""
    return f"dispatcher:#{index}"


def courier_actor(index: int) -> str:
    """A courier of webhooks."""
    return f"courier:#{index}"


def limiter_actor(index: int) -> str:
    """A limiter shard."""
    return f"limiter:#{index}"


def limiter_of(tenant: str, settings: Settings) -> str:
    """The shard that owns this tenant's allowance."""
    return limiter_actor(partition_of_text(tenant) % settings.workers.limiters)


def directory(settings: Settings) -> list[str]:
    """Every actor that should run, the supervisor left out."""
    workers = settings.workers
    return [
        *(brain_actor(index) for index in range(workers.brains)),
        *(limiter_actor(index) for index in range(workers.limiters)),
        *(dispatcher_actor(index) for index in range(workers.dispatchers)),
        # One that is not enabled gets nothing new, and keeps its sessions for the receipts of what it has carried.
        *(carrier_actor(profile.name) for profile in settings.carriers),
        *(courier_actor(index) for index in range(workers.couriers)),
        *doors(settings),
    ]


def doors(settings: Settings) -> list[str]:
    """Where messages come in."""
    servers = settings.smpp.servers if settings.accounts else 0
    return [
        *(front_actor(index) for index in range(settings.api.fronts)),
        *(esme_actor(index) for index in range(servers)),
    ]


def kind_of(name: str) -> str:
    """The kind of actor: front, dispatcher, carrier and so on."""
    return name.partition(":")[0]
