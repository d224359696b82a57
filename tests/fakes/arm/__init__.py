"""Azure Resource Manager's fluxConfigurations, and the clusters behind them."""

from tests.fakes.arm.flux import ClusterFlux, Pulled
from tests.fakes.arm.server import CLIENT, ENTRA_TENANT, SECRET, Arm, Fault

__all__ = ["CLIENT", "ENTRA_TENANT", "SECRET", "Arm", "ClusterFlux", "Fault", "Pulled"]
