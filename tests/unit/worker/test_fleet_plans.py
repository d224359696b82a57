"""What a merge request on the fleet repo names is not asked for charts before it is merged."""

from dataclasses import dataclass, field, replace

import pytest

from bot.charts import ChartUnavailableError
from bot.worker.fleet_plans import _PresentCharts
from planners.model import ChartOrigin, ComponentSource, Fleet, Policy
from renderers.tree import FileTree

ORIGIN = ChartOrigin("oci://registry.example.com/charts")
SOURCE = ComponentSource("helm", f"{ORIGIN.address}/web", version="1.0.0", digest="sha256:1")


@dataclass
class Asked:
    """Charts that remember which origins were asked."""

    origins: list[ChartOrigin] = field(default_factory=list)

    def files(self, source: ComponentSource, origin: ChartOrigin) -> FileTree:
        self.origins.append(origin)
        return {"Chart.yaml": source.path.encode()}


def test_charts_come_from_origins_of_the_default_branch_alone() -> None:
    asked = Asked()
    charts = _PresentCharts(asked, Fleet(policies=(Policy("default", charts=(ORIGIN,)),)))
    assert charts.files(SOURCE, ORIGIN)
    for other in (
        replace(ORIGIN, address="oci://evil.example.com"),
        replace(ORIGIN, token_hosts=("evil.example.com",)),
        replace(ORIGIN, private_network=True),
    ):
        with pytest.raises(ChartUnavailableError, match="after the merge"):
            charts.files(SOURCE, other)
    assert asked.origins == [ORIGIN]
