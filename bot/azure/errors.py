"""What can go wrong with Azure Resource Manager; each message names the cause and the next step."""

from datetime import timedelta


class AzureError(Exception):
    """A request to Azure Resource Manager failed."""


class AzureRefusedError(AzureError):
    """Azure refused the request, and will until somebody changes something."""


class AzureUnavailableError(AzureError):
    """Azure cannot answer now; whether a write was done is unknown."""

    def __init__(self, message: str, retry_after: timedelta = timedelta()) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class AzureBusyError(AzureUnavailableError):
    """Too many requests: Azure's limit, or the budget that stays below it; nothing was written."""


class SdkMissingError(AzureError):
    """The Azure SDK is not installed."""
