"""What a component requests on every cluster."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from planners.model.requests import Amounts
from planners.placement.arrays import Codes
from planners.placement.columns import Columns


@dataclass(frozen=True, slots=True, eq=False)
class RequestTable(Mapping[str, Amounts]):
    """Nano-units of each resource, by cluster; clusters with equal requests share one class."""

    columns: Columns
    codes: Codes
    distinct: tuple[Amounts, ...]

    @classmethod
    def of(cls, columns: Columns, requests: Mapping[str, Amounts]) -> "RequestTable":
        """The table of requests that may differ on every cluster."""
        distinct = tuple(requests.get(name, {}) for name in columns.names)
        return cls(columns, np.arange(len(columns), dtype=np.intp), distinct)

    def __getitem__(self, cluster: str) -> Amounts:
        return self.distinct[int(self.codes[self.columns.position[cluster]])]

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns.names)

    def __len__(self) -> int:
        return len(self.columns)

    @property
    def resources(self) -> list[str]:
        """The resources of which some cluster is asked for more than nothing, sorted."""
        return sorted({name for each in self.distinct for name, amount in each.items() if amount})

    def amounts(self, resource: str) -> list[int]:
        """The amounts of a resource, by class."""
        return [each.get(resource, 0) for each in self.distinct]
