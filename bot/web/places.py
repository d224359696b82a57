"""Where applications run or are planned to: what a cluster may report about."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from bot.report.model import PLACES, PlacesView
from bot.store.keys import DEPENDANTS
from bot.store.views import Views


@dataclass(slots=True)
class Places:
    """The places of applications, kept from one look to the next."""

    views: Views
    _kept: dict[str, PlacesView] = field(default_factory=dict)

    def kept(self, application: str, cluster: str) -> Collection[str]:
        """The components of an application on a cluster when they were looked up last."""
        found = self._kept.get(application)
        return found.clusters.get(cluster, ()) if found is not None else ()

    def components(self, application: str, cluster: str) -> Collection[str] | None:
        """The components of an application on a cluster.

        None: it has not been planned since the database was created, and runs anywhere.
        """
        found = self.of(application)
        if found is None:
            return None
        self._kept[application] = found
        return found.clusters.get(cluster, ())

    def of(self, application: str) -> PlacesView | None:
        """The places of an application; None: it has not been planned."""
        return self.views.load_shared(PLACES, application)


def readers_of(views: Views, applications: Iterable[str], cluster: str) -> frozenset[str]:
    """The applications that run on a cluster, and those that call or depend on one of them."""
    places = Places(views)
    here = {name for name in applications if places.components(name, cluster)}
    others = {
        key.rpartition("/")[2] for name in here for key, _ in views.list(f"{DEPENDANTS}{name}/")
    }
    return frozenset(here | others)
