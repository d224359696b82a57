"""What is rolled out in a world: a small fleet, and one of a few shapes of application."""

from dataclasses import dataclass, field

from bot.sandbox.demo.site import APP, DEPLOY
from tests.fakes.world import manifest
from tests.simulation.faults import Faults
from tests.simulation.requests import CAPACITY, LARGE, requesting

HEAD = "apiVersion: switchyard.dev/v1alpha1\nkind: "
CLUSTERS = ("one", "two", "three")


@dataclass(frozen=True, slots=True)
class Needs:
    """That a component waits for another one: on its own cluster, or everywhere."""

    component: str
    everywhere: bool = False

    @property
    def scope(self) -> str:
        return "allClusters" if self.everywhere else "sameCluster"


@dataclass(frozen=True, slots=True)
class Scenario:
    """Components and clusters; with `staged` the canary goes first."""

    components: tuple[str, ...]
    dependencies: dict[str, tuple[Needs, ...]] = field(default_factory=dict)
    clusters: tuple[str, ...] = CLUSTERS
    staged: bool = False
    approved: bool = False
    crowded: bool = False
    canary: str = "one"

    @classmethod
    def drawn(cls, faults: Faults) -> "Scenario":
        """The scenario of a seed."""
        shape = faults.choose("shape", "stages", "row", "all", "both")
        clusters = CLUSTERS[: faults.choose("clusters", 2, 3)]
        approved = bool(faults.choose("approved", False, False, True))
        everywhere = shape == "all"
        components = ("cart",) if shape == "stages" else ("redis", "cart")
        needs = {} if shape == "stages" else {"cart": (Needs("redis", everywhere),)}
        crowded = faults.choose("crowded", False, False, False, True)
        return cls(components, needs, clusters, shape in {"stages", "both"}, approved, crowded)

    def app(self, image: str, part: str = "") -> dict[str, bytes | None]:
        """The app repo with a version of every image, or of the image of a part alone."""
        parts = "".join(
            f"    - {{name: {name}, source: {{manifests: deploy/{name}}}{self._waits(name)}}}\n"
            for name in self.components
        )
        rollout = (
            "  rollout:\n    stages:\n"
            '      - {name: canary, clusters: {matchLabels: {canary: "true"}}}\n'
            "      - {name: rest}\n"
        )
        document = (
            f"{HEAD}Application\nmetadata: {{name: storefront}}\nspec:\n  tenant: shop\n"
            f"  components:\n{parts}  placement:\n"
            f"    - components: [{', '.join(self.components)}]\n"
            f"      allOf: [{{matchLabels: {{tier: edge}}}}]\n{rollout if self.staged else ''}"
        )
        files: dict[str, bytes | None] = {"switchyard.yaml": document.encode()}
        for name in self.components:
            if part and name != part:
                continue
            text = manifest(name, image)
            if self.crowded:
                text = requesting(text, LARGE // len(self.components))
            files[f"deploy/{name}/deployment.yaml"] = text
        return files

    def _waits(self, name: str) -> str:
        waits = [
            f"{{component: {each.component}, on: {each.scope}}}"
            for each in self.dependencies.get(name, ())
        ]
        return f", dependsOn: [{', '.join(waits)}]" if waits else ""

    def fleet(self) -> dict[str, bytes | None]:
        """The fleet repo."""
        rule = "{clusters: {matchLabels: {canary: 'true'}}, count: 1}"
        approvals = f"approvals: [{rule}], " if self.approved else ""
        files = {
            "tenants/shop.yaml": (
                f"{HEAD}Tenant\nmetadata: {{name: shop}}\nspec: {{namespace: shop}}\n"
            ),
            "applications/storefront.yaml": (
                f"{HEAD}Registration\nmetadata: {{name: storefront}}\nspec: {{application: "
                f"storefront, tenant: shop, app: 'local:{APP}', deploy: 'local:{DEPLOY}'}}\n"
            ),
            "policies/default.yaml": (
                f"{HEAD}Policy\nmetadata: {{name: default}}\n"
                f"spec: {{{approvals}reports: [{{clusters: {{}}, maxAge: 6m}}]}}\n"
            ),
        }
        room = f", capacity: {{cpu: {CAPACITY}m}}" if self.crowded else ""
        for name in self.clusters:
            canary = ', canary: "true"' if name == self.canary else ""
            files[f"clusters/{name}.yaml"] = (
                f"{HEAD}Cluster\nmetadata: {{name: {name}, labels: {{tier: edge{canary}}}}}\n"
                f"spec: {{agent: flux{room}}}\n"
            )
        return {path: text.encode() for path, text in files.items()}
