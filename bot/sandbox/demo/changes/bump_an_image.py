"""`bump-an-image`: Ada proposes the next minor version of one component's image."""

import re

from bot.sandbox.demo.changes import (
    BROKEN_COMPONENT,
    Change,
    Look,
    NotNowError,
    Outcome,
    Place,
    Proposal,
    Scene,
)
from bot.sandbox.demo.site import APP, DEPLOY

FILE = f"deploy/{BROKEN_COMPONENT}/deployment.yaml"
_IMAGE = re.compile(rb"(image: \S+:)(\d+)\.(\d+)\.\d+")


class BumpAnImage:
    """Changes one line of one manifest."""

    name = "bump-an-image"
    summary = f"Ada proposes a newer image of {BROKEN_COMPONENT}"

    def outcome(self, scene: Scene) -> Outcome:
        """See Change."""
        found = _IMAGE.search(scene.app.get(FILE, b""))
        if found is None:
            raise NotNowError(
                f"{FILE} of {APP} names no image with a version yet: approve merge request 1 as "
                "Rita and merge it as Ada first"
            )
        version = f"{int(found[2])}.{int(found[3]) + 1}.0"
        content = _IMAGE.sub(found[1] + version.encode(), scene.app[FILE], count=1)
        title = f"Update {BROKEN_COMPONENT} to {version}"
        proposal = Proposal(
            "ada",
            APP,
            f"{BROKEN_COMPONENT}-{version}",
            title,
            "One line of one manifest.",
            {FILE: content},
        )
        looks = (
            Look(
                Place.REQUEST,
                "",
                "the plan, in a comment by Switchyard: one diff for equal clusters. Approve it as "
                "Rita, merge it as Ada",
            ),
            Look(
                Place.FORGE,
                f"/{DEPLOY}/merge_requests",
                "then: the canary waits for Rita, the batches after it for the canary",
            ),
            Look(Place.SERVICE, "/rollouts/storefront", "then: waves, and what each waits for"),
        )
        return Outcome(f"Ada's merge request is open: {title}.", looks, proposal)


CHANGE: Change = BumpAnImage()
