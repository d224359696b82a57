"""An HTTPS server on loopback, in a thread: for fakes of hosts that clients reach over TLS."""

import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.fakes.certificates import Authority


class TlsServer(ThreadingHTTPServer):
    """Serves with the certificate of an authority on a free port until it is stopped."""

    def __init__(self, handler: type[BaseHTTPRequestHandler], authority: Authority) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(authority.certificate)
        self.socket = context.wrap_socket(
            self.socket, server_side=True, do_handshake_on_connect=False
        )
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def place(self) -> str:
        """Its host and port."""
        return f"127.0.0.1:{self.server_port}"

    def handle_error(self, *_: object) -> None:
        """Say nothing: clients that break off are part of the tests."""

    def stop(self) -> None:
        self.shutdown()
        self.server_close()
