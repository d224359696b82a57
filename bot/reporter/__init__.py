"""Takes what a cluster's agent says to the service, for agents without notifications.

`delivery` signs a status document and takes it one of three ways. Runs in clusters, by
`switchyard report`: knows neither the store nor any forge.
"""

from bot.reporter.delivery import (
    DeliveryError,
    SignedDocument,
    push,
    put_into_bucket,
    signed,
    write_folder,
)

__all__ = [
    "DeliveryError",
    "SignedDocument",
    "push",
    "put_into_bucket",
    "signed",
    "write_folder",
]
