"""What GitLab's operations take: the fields of bodies, and the parameters of queries.

Sources: the pages of GitLab Docs that `schemas` names, and the `params` of
lib/api/merge_requests.rb, commit_statuses.rb, notes.rb, branches.rb, award_emoji.rb, events.rb and
ee/lib/api/merge_trains.rb.

GitLab ignores what it does not know; here that is an error, as it has no effect.
"""

from tests.fakes.gitlab.schemas import COMMIT, FLAG, NUMBER, STRING, TEXT, Schema, among

PAGES = ("page", "per_page")
MESSAGE: Schema = {"type": "string", "minLength": 1}
NOTE_BODY: Schema = {"type": "string", "minLength": 1, "maxLength": 1_000_000}
DESCRIPTION: Schema = {"type": "string", "maxLength": 1_048_576}


def body(required: dict[str, Schema], **optional: Schema) -> Schema:
    """An object with these fields and no others."""
    return {
        "type": "object",
        "properties": {**required, **optional},
        "required": list(required),
        "additionalProperties": False,
    }


BODIES: dict[str, Schema] = {
    "POST /projects/:id/statuses/:sha": body(
        {"state": among("pending", "running", "success", "failed", "canceled", "skipped")},
        name=TEXT,
        ref=TEXT,
        pipeline_id=NUMBER,
        target_url={"type": "string", "maxLength": 255},
        description={"type": "string", "maxLength": 255},
    ),
    "POST /projects/:id/repository/branches": body({"branch": TEXT, "ref": TEXT}),
    "POST /projects/:id/merge_requests": body(
        {"source_branch": TEXT, "target_branch": TEXT, "title": TEXT},
        description=DESCRIPTION,
        remove_source_branch=FLAG,
        squash=FLAG,
    ),
    "PUT /projects/:id/merge_requests/:iid": body(
        {},
        title=TEXT,
        description=DESCRIPTION,
        state_event=among("close", "reopen"),
        reviewer_ids={"type": "array", "items": NUMBER},
    ),
    "PUT /projects/:id/merge_requests/:iid/merge": body(
        {},
        sha=COMMIT,
        squash=FLAG,
        merge_commit_message=MESSAGE,
        squash_commit_message=MESSAGE,
        should_remove_source_branch=FLAG,
        auto_merge=FLAG,
        skip_merge_train=FLAG,
    ),
    "POST /projects/:id/merge_trains/merge_requests/:iid": body(
        {}, sha=COMMIT, squash=FLAG, auto_merge=FLAG
    ),
    "POST /projects/:id/merge_requests/:iid/notes": body({"body": NOTE_BODY}),
    "PUT /projects/:id/merge_requests/:iid/notes/:note": body({"body": NOTE_BODY}),
    "POST /projects/:id/merge_requests/:iid/notes/:note/award_emoji": body({"name": STRING}),
    "POST /projects/:id/hooks/:hook/test/:event": body({}),
}
QUERIES: dict[str, dict[str, Schema]] = {
    "GET /users": {"username": TEXT},
    "GET /projects/:id/events": {
        "action": among("pushed"),
        "sort": among("asc", "desc"),
    },
    "GET /projects/:id/repository/commits/:sha/statuses": {
        "ref": TEXT,
        "pipeline_id": TEXT,
        "name": TEXT,
        "all": among("true", "false", "True", "False"),
    },
    "GET /projects/:id/repository/commits/:sha/merge_requests": {
        "state": among("opened", "closed", "locked", "merged")
    },
    "GET /projects/:id/merge_requests": {
        "state": among("opened", "closed", "locked", "merged", "all"),
        "scope": among("created_by_me", "assigned_to_me", "reviews_for_me", "all"),
        "source_branch": TEXT,
        "target_branch": TEXT,
        "updated_after": {"type": "string", "minLength": len("2026-11-20T12:00:00")},
        "with_merge_status_recheck": among("true", "false", "True", "False"),
    },
    "GET /projects/:id/merge_requests/:iid/notes": {
        "sort": among("asc", "desc"),
        "order_by": among("created_at", "updated_at"),
    },
}
