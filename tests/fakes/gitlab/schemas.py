"""What GitLab's answers have, as JSON schemas: what is sent always, by every edition.

Sources: GitLab Docs, "REST API resources", the page named beside each kind; for what may be null
GitLab's own source, lib/api/entities.
"""

from typing import Any

Schema = dict[str, Any]
STRING: Schema = {"type": "string"}
TEXT: Schema = {"type": "string", "minLength": 1}
NUMBER: Schema = {"type": "integer"}
FLAG: Schema = {"type": "boolean"}
URL: Schema = {"type": "string", "pattern": "^https?://"}
COMMIT: Schema = {"type": "string", "pattern": "^[0-9a-f]{40}$"}
DAY = r"^\d{4}-\d\d-\d\d"
TIME: Schema = {"type": "string", "pattern": DAY + r"T\d\d:\d\d:\d\d\.\d{3}(Z|[+-]\d\d:\d\d)$"}


def record(**fields: Schema) -> Schema:
    """An object that has all of these."""
    return {"type": "object", "properties": fields, "required": list(fields)}


def wider(schema: Schema, **fields: Schema) -> Schema:
    """The same object with more."""
    return record(**schema["properties"], **fields)


def maybe(schema: Schema) -> Schema:
    return {"anyOf": [{"type": "null"}, schema]}


def many(schema: Schema) -> Schema:
    return {"type": "array", "items": schema}


def among(*words: str) -> Schema:
    return {"enum": list(words)}


USER = record(  # "Users API"
    id=NUMBER,
    username=TEXT,
    public_email=maybe(STRING),
    name=TEXT,
    state=among("active", "blocked", "deactivated", "banned", "ldap_blocked"),
    locked=FLAG,
    avatar_url=maybe(URL),
    web_url=URL,
)
ME = wider(  # "Users API", the user who asks
    USER,
    created_at=TIME,
    bio=maybe(STRING),
    location=maybe(STRING),
    linkedin=maybe(STRING),
    twitter=maybe(STRING),
    website_url=maybe(STRING),
    organization=maybe(STRING),
    job_title=maybe(STRING),
    pronouns=maybe(STRING),
    bot=FLAG,
    work_information=maybe(STRING),
    last_sign_in_at=maybe(TIME),
    confirmed_at=maybe(TIME),
    last_activity_on=maybe({"type": "string", "pattern": DAY + "$"}),
    email=TEXT,
    theme_id=maybe(NUMBER),
    color_scheme_id=NUMBER,
    projects_limit=NUMBER,
    current_sign_in_at=maybe(TIME),
    identities=many(record(provider=STRING, extern_uid=STRING)),
    can_create_group=FLAG,
    can_create_project=FLAG,
    two_factor_enabled=FLAG,
    external=FLAG,
    private_profile=FLAG,
    commit_email=TEXT,
)
LEVEL: Schema = {"enum": [5, 10, 15, 20, 25, 30, 40, 50]}
MEMBER = wider(USER, access_level=LEVEL, created_at=TIME, expires_at=maybe(STRING))  # "Members API"
ACCESS = maybe(record(access_level=LEVEL, notification_level=maybe(NUMBER)))
PROJECT = record(  # "Projects API"
    id=NUMBER,
    description=maybe(STRING),
    name=TEXT,
    name_with_namespace=TEXT,
    path=TEXT,
    path_with_namespace=TEXT,
    created_at=TIME,
    default_branch=maybe(TEXT),
    tag_list=many(STRING),
    topics=many(STRING),
    ssh_url_to_repo=TEXT,
    http_url_to_repo=URL,
    web_url=URL,
    avatar_url=maybe(URL),
    star_count=NUMBER,
    last_activity_at=TIME,
    namespace=record(
        id=NUMBER,
        name=TEXT,
        path=TEXT,
        kind=among("group", "user"),
        full_path=TEXT,
        parent_id=maybe(NUMBER),
        avatar_url=maybe(STRING),
        web_url=URL,
    ),
    empty_repo=FLAG,
    archived=FLAG,
    marked_for_deletion_on=maybe({"type": "string", "pattern": DAY + "$"}),
    builds_access_level=among("disabled", "private", "enabled"),
    allow_merge_on_skipped_pipeline=maybe(FLAG),
    visibility=among("private", "internal", "public"),
    merge_method=among("merge", "rebase_merge", "ff"),
    squash_option=among("never", "always", "default_on", "default_off"),
    only_allow_merge_if_pipeline_succeeds=FLAG,
    only_allow_merge_if_all_discussions_are_resolved=maybe(FLAG),
    remove_source_branch_after_merge=maybe(FLAG),
    permissions=record(project_access=ACCESS, group_access=ACCESS),
)
TOKEN = record(  # "Personal access tokens API"
    id=NUMBER,
    name=TEXT,
    revoked=FLAG,
    active=FLAG,
    created_at=TIME,
    last_used_at=maybe(TIME),
    user_id=NUMBER,
    scopes=many(TEXT),
    expires_at=maybe({"type": "string", "pattern": DAY + "$"}),
)
COMMIT_OBJECT = record(
    id=COMMIT,
    short_id={"type": "string", "pattern": "^[0-9a-f]{8}$"},
    created_at=TIME,
    parent_ids=many(COMMIT),
    title=STRING,
    message=STRING,
    author_name=STRING,
    author_email=STRING,
    authored_date=TIME,
    committer_name=STRING,
    committer_email=STRING,
    committed_date=TIME,
    trailers={"type": "object", "additionalProperties": STRING},
    extended_trailers={"type": "object", "additionalProperties": many(STRING)},
    web_url=URL,
)
EVENT = record(  # "Events API"; lib/api/entities/event.rb, push_event_payload.rb
    id=NUMBER,
    project_id=NUMBER,
    action_name=among("pushed new", "pushed to", "deleted"),
    target_id=maybe(NUMBER),
    target_iid=maybe(NUMBER),
    target_type=maybe(TEXT),
    author_id=NUMBER,
    target_title=maybe(TEXT),
    created_at=TIME,
    author=USER,
    author_username=TEXT,
    push_data=record(
        commit_count=NUMBER,
        action=among("created", "pushed", "removed"),
        ref_type=among("branch", "tag"),
        commit_from=maybe(COMMIT),
        commit_to=maybe(COMMIT),
        ref=maybe(TEXT),
        commit_title=maybe(STRING),
        ref_count=maybe(NUMBER),
    ),
)
BRANCH = record(  # "Branches API"; the commit as in "Commits API"
    name={"type": "string", "pattern": "^[^%]+$"},
    commit=COMMIT_OBJECT,
    merged=FLAG,
    protected=FLAG,
    developers_can_push=FLAG,
    developers_can_merge=FLAG,
    can_push=FLAG,
    default=FLAG,
    web_url=URL,
)
STATUS = record(  # "Commits API", commit status
    id=NUMBER,
    sha=COMMIT,
    ref=maybe(TEXT),
    status=among("pending", "running", "success", "failed", "canceled", "skipped"),
    name=TEXT,
    target_url=maybe(URL),
    description=maybe({"type": "string", "maxLength": 255}),
    created_at=TIME,
    started_at=maybe(TIME),
    finished_at=maybe(TIME),
    allow_failure=FLAG,
    coverage=maybe({"type": "number"}),
    pipeline_id=NUMBER,
    author=USER,
)
PIPELINE = record(  # "Pipelines API"
    id=NUMBER,
    iid=NUMBER,
    project_id=NUMBER,
    sha=COMMIT,
    ref=TEXT,
    status=among("created", "pending", "running", "success", "failed", "canceled", "skipped"),
    source=among("push", "merge_request_event", "external"),
    created_at=TIME,
    updated_at=TIME,
    web_url=URL,
)
MERGE_STATUS = among(  # "Merge requests API", merge status
    *("approvals_syncing", "checking", "ci_must_pass", "ci_still_running", "commits_status"),
    *("conflict", "discussions_not_resolved", "draft_status", "jira_association_missing"),
    *("locked_lfs_files", "locked_paths", "merge_request_blocked", "merge_time", "mergeable"),
    *("need_rebase", "not_approved", "not_open", "preparing", "requested_changes"),
    *("security_policy_pipeline_check", "security_policy_violations", "status_checks_must_pass"),
    *("title_regex", "unchecked"),
)
LISTED = record(  # "Merge requests API"
    id=NUMBER,
    iid=NUMBER,
    project_id=NUMBER,
    title=TEXT,
    description=maybe(STRING),
    state=among("opened", "closed", "locked", "merged"),
    created_at=TIME,
    updated_at=TIME,
    merged_by=maybe(USER),
    merge_user=maybe(USER),
    merged_at=maybe(TIME),
    closed_by=maybe(USER),
    closed_at=maybe(TIME),
    target_branch=TEXT,
    source_branch=TEXT,
    user_notes_count=NUMBER,
    upvotes=NUMBER,
    downvotes=NUMBER,
    author=USER,
    assignees=many(USER),
    assignee=maybe(USER),
    reviewers=many(USER),
    source_project_id=maybe(NUMBER),
    target_project_id=NUMBER,
    labels=many(TEXT),
    draft=FLAG,
    imported=FLAG,
    imported_from=TEXT,
    work_in_progress=FLAG,
    milestone=maybe({"type": "object"}),
    merge_when_pipeline_succeeds=FLAG,
    merge_status=among(
        "unchecked", "checking", "can_be_merged", "cannot_be_merged", "cannot_be_merged_recheck"
    ),
    detailed_merge_status=MERGE_STATUS,
    merge_after=maybe(TIME),
    sha=maybe(COMMIT),
    merge_commit_sha=maybe(COMMIT),
    squash_commit_sha=maybe(COMMIT),
    discussion_locked=maybe(FLAG),
    should_remove_source_branch=maybe(FLAG),
    force_remove_source_branch=maybe(FLAG),
    prepared_at=maybe(TIME),
    reference=TEXT,
    references=record(short=TEXT, relative=TEXT, full=TEXT),
    web_url=URL,
    time_stats=record(
        time_estimate=NUMBER,
        total_time_spent=NUMBER,
        human_time_estimate=maybe(STRING),
        human_total_time_spent=maybe(STRING),
    ),
    squash=FLAG,
    squash_on_merge=FLAG,
    task_completion_status=record(count=NUMBER, completed_count=NUMBER),
    has_conflicts=FLAG,
    blocking_discussions_resolved=maybe(FLAG),
)
REQUEST = wider(  # "Merge requests API", a single one
    LISTED,
    subscribed=FLAG,
    changes_count=maybe(STRING),
    diff_refs=maybe(record(base_sha=COMMIT, head_sha=COMMIT, start_sha=COMMIT)),
    merge_error=maybe(STRING),
    head_pipeline=maybe(PIPELINE),
    user=record(can_merge=FLAG),
)
VERSION = record(  # "Merge requests API", diff versions
    id=NUMBER,
    head_commit_sha=COMMIT,
    base_commit_sha=COMMIT,
    start_commit_sha=COMMIT,
    created_at=TIME,
    merge_request_id=NUMBER,
    state=among("collected", "overflow", "without_files", "empty"),
    real_size=maybe(STRING),
    patch_id_sha=maybe(COMMIT),
)
APPROVALS = record(  # "Merge request approvals API"; not every GitLab tells `approved_at`
    user_has_approved=FLAG,
    user_can_approve=FLAG,
    approved=FLAG,
    approved_by=many(record(user=USER)),
)
NOTE = record(  # "Notes API"
    id=NUMBER,
    type=maybe(among("DiffNote", "DiscussionNote")),
    body=STRING,
    author=USER,
    created_at=TIME,
    updated_at=TIME,
    system=FLAG,
    noteable_id=NUMBER,
    noteable_type=among("MergeRequest"),
    project_id=NUMBER,
    resolvable=FLAG,
    confidential=maybe(FLAG),
    internal=maybe(FLAG),
    imported=FLAG,
    imported_from=TEXT,
    noteable_iid=NUMBER,
    commands_changes={"type": "object"},
)
HOOK = record(  # "Project webhooks API"
    id=NUMBER,
    url=URL,
    push_events=FLAG,
    merge_requests_events=FLAG,
    note_events=FLAG,
    pipeline_events=FLAG,
    enable_ssl_verification=FLAG,
    alert_status=among("executable", "temporarily_disabled", "disabled"),
    disabled_until=maybe(TIME),
)
MESSAGE = record(message=TEXT)
CAR = record(  # "Merge trains API"
    id=NUMBER,
    merge_request=record(id=NUMBER, iid=NUMBER, title=TEXT, state=TEXT),
    user=USER,
    created_at=TIME,
    target_branch=TEXT,
    status=among("idle", "stale", "fresh", "merging", "merged", "skip_merged"),
)
AWARD = record(  # "Emoji reactions API"
    id=NUMBER, name=TEXT, user=USER, created_at=TIME, awardable_id=NUMBER, awardable_type=TEXT
)
