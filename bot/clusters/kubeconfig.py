"""Credentials of one cluster, from a kubeconfig file.

Source: Kubernetes documentation, "Organizing Cluster Access Using kubeconfig Files", and the
reference of `client.authentication.k8s.io`. A kubeconfig can name programs to run and files to
read; here it must hold everything itself, so that whoever may write one cannot run code in the bot.
"""

import base64
import binascii
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bot.clusters.errors import ClusterError
from renderers import yaml

MAX_BYTES = 256 * 1024
_CLUSTER = frozenset({"server", "certificate-authority-data", "tls-server-name"})
_USER = frozenset({"token", "client-certificate-data", "client-key-data"})
_PROGRAMS = frozenset({"exec", "auth-provider"})


@dataclass(frozen=True, slots=True)
class Credentials:
    """How to reach an API server, and as whom; secret values stay out of every text."""

    server: str
    ca: str = ""
    tls_server_name: str = ""
    token: str = field(default="", repr=False)
    client_certificate: str = field(default="", repr=False)
    client_key: str = field(default="", repr=False)


def read_kubeconfig(file: Path) -> Credentials:
    """The credentials of the current context.

    Raises:
        ClusterError: others can read the file, it runs a program or names other files, does not
            verify the server, or is no kubeconfig; the message never holds its content.
    """
    try:
        mode, size = file.stat().st_mode, file.stat().st_size
        content = file.read_bytes() if size <= MAX_BYTES else b""
    except OSError as error:
        raise ClusterError(f"{file} cannot be read: {error.strerror}") from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ClusterError(f"{file} can be read by others: run `chmod 600 {file}`")
    if size > MAX_BYTES:
        raise ClusterError(f"{file} is larger than {MAX_BYTES} bytes")
    return parse_kubeconfig(str(file), content)


def parse_kubeconfig(name: str, content: bytes) -> Credentials:
    """The credentials in the content of a file of that name.

    Raises:
        ClusterError: as `read_kubeconfig`.
    """
    try:
        (document,) = yaml.load_documents(content)
    except (ValueError, yaml.YamlError):
        raise ClusterError(f"{name} is not one YAML document") from None
    return _Reader(name).read(document.value)


@dataclass(frozen=True, slots=True)
class _Reader:
    file: str

    def read(self, config: Any) -> Credentials:
        root = self._mapping(config, "the file")
        context = self._named(root, "contexts", "context", str(root.get("current-context", "")))
        cluster = self._named(root, "clusters", "cluster", str(context.get("cluster", "")))
        user = self._named(root, "users", "user", str(context.get("user", "")))
        self._refuse_programs(user)
        self._refuse_unknown(cluster, _CLUSTER, "cluster")
        self._refuse_unknown(user, _USER, "user")
        found = Credentials(
            server=self._server(cluster),
            ca=self._decoded(cluster, "certificate-authority-data"),
            tls_server_name=str(cluster.get("tls-server-name", "")),
            token=str(user.get("token", "")),
            client_certificate=self._decoded(user, "client-certificate-data"),
            client_key=self._decoded(user, "client-key-data"),
        )
        if not found.token and not (found.client_certificate and found.client_key):
            raise self._error("the user has neither a token nor a client certificate with its key")
        return found

    def _named(
        self, root: Mapping[str, Any], section: str, part: str, name: str
    ) -> Mapping[str, Any]:
        entries = root.get(section)
        for each in entries if isinstance(entries, list) else ():
            if isinstance(each, dict) and name and each.get("name") == name:
                return self._mapping(each.get(part), f"{section} {name!r}")
        raise self._error(f"{section} has no entry {name!r}")

    def _mapping(self, value: Any, what: str) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            raise self._error(f"{what} is no mapping")
        return value

    def _refuse_programs(self, user: Mapping[str, Any]) -> None:
        for key in sorted(_PROGRAMS & user.keys()):
            raise self._error(
                f"the user has {key}, which runs a program: use the token of a service account"
            )

    def _refuse_unknown(self, entry: Mapping[str, Any], known: frozenset[str], what: str) -> None:
        for key in sorted(entry.keys() - known):
            raise self._error(f"the {what} has {key}; only {', '.join(sorted(known))} are accepted")

    def _server(self, cluster: Mapping[str, Any]) -> str:
        server = str(cluster.get("server", ""))
        try:
            parts = urlsplit(server)
            is_address = parts.port != 0 and bool(parts.hostname) and server.isascii()
        except ValueError:
            raise self._error("server is no address") from None
        if not server.isprintable() or " " in server:
            raise self._error("server is no address")
        if parts.scheme != "https" or not is_address or parts.username or parts.query:
            raise self._error("server is no https:// address")
        return server.rstrip("/")

    def _decoded(self, entry: Mapping[str, Any], key: str) -> str:
        try:
            return base64.b64decode(str(entry.get(key, "")), validate=True).decode("ascii")
        except (binascii.Error, UnicodeDecodeError):
            raise self._error(f"{key} is no base64 of PEM") from None

    def _error(self, reason: str) -> ClusterError:
        return ClusterError(f"{self.file}: {reason}")
