"""Azure Resource Manager: the fluxConfigurations of clusters; the only door to the Azure SDK.

`connection` sends requests, `budget` keeps them within Azure's limits, `configurations` brings a
cluster's fluxConfigurations to what they should be. No decision is taken here: what a cluster
should have comes as data. The SDK comes with the extra `azure`.
"""

from bot.azure.configurations import Azure, Converged, converge
from bot.azure.connection import ArmConnection, connect
from bot.azure.errors import (
    AzureBusyError,
    AzureError,
    AzureRefusedError,
    AzureUnavailableError,
    SdkMissingError,
)

__all__ = [
    "ArmConnection",
    "Azure",
    "AzureBusyError",
    "AzureError",
    "AzureRefusedError",
    "AzureUnavailableError",
    "Converged",
    "SdkMissingError",
    "connect",
    "converge",
]
