"""What the running system's metrics say."""

from typing import TYPE_CHECKING

from prometheus_client.parser import text_string_to_metric_families

if TYPE_CHECKING:
    from tests.cluster.world import World


def counted(world: "World", name: str, **labels: str) -> float:
    """The sum of a metric's samples with these labels."""
    page = world.call("GET", "/metrics").body.decode()
    return sum(
        sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )
