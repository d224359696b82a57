"""`health`: asks a running service whether it is healthy, for containers without curl."""

import argparse
import http.client
from urllib.parse import urlsplit

from bot.cli.errors import describe
from bot.terminal import write_error

TIMEOUT = 5.0
HEALTHY = 200


def health(options: argparse.Namespace) -> int:
    """Exit code 0 if the service answers, 1 with the reason otherwise."""
    address = urlsplit(options.url)
    try:
        connection = http.client.HTTPConnection(
            address.hostname or "", address.port, timeout=TIMEOUT
        )
        connection.request("GET", "/healthz")
        status = connection.getresponse().status
    except OSError as error:
        write_error(f"{options.url} does not answer: {describe(error)}\n")
        return 1
    except (ValueError, http.client.HTTPException) as error:
        write_error(f"{options.url} does not answer: {error}\n")
        return 1
    if status != HEALTHY:
        write_error(f"{options.url} answers with status {status}\n")
        return 1
    return 0
