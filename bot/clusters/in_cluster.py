"""Credentials of a pod for the API server of its own cluster.

Source: Kubernetes documentation, "Accessing the Kubernetes API from a Pod", "Directly accessing the
REST API": the address is in two variables, token and CA are files.
"""

from pathlib import Path

from bot.clusters.errors import ClusterError
from bot.clusters.kubeconfig import Credentials
from bot.settings import PodSettings

FOLDER = Path("/var/run/secrets/kubernetes.io/serviceaccount")


def in_cluster_credentials(settings: PodSettings, folder: Path = FOLDER) -> Credentials:
    """The credentials of the pod's service account.

    Raises:
        ClusterError: this is no pod, or it has no service account.
    """
    host = settings.kubernetes_service_host
    if not host:
        raise ClusterError("this is no pod of a cluster: name a file with --kubeconfig")
    try:
        ca, token = (folder / "ca.crt").read_text(), (folder / "token").read_text().strip()
    except OSError as error:
        raise ClusterError(
            f"{folder} cannot be read: {error.strerror}; let the pod have its account's token"
        ) from None
    shown = f"[{host}]" if ":" in host else host
    return Credentials(f"https://{shown}:{settings.kubernetes_service_port}", ca=ca, token=token)
