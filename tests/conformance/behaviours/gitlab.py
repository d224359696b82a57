"""What GitLab does."""

from tests.conformance.behaviours import Behaviour

DOCS = "https://docs.gitlab.com"
STATUSES = f"{DOCS}/ci/ci_cd_for_external_repos/external_commit_statuses/"
STATUS_SERVICE = "app/services/ci/create_commit_status_service.rb"
HEAD_PIPELINE = "app/finders/ci/pipelines_for_merge_request_finder.rb"
REQUESTS = f"{DOCS}/api/merge_requests/"
CHECKS = "app/services/merge_requests/mergeability/detailed_merge_status_service.rb"
MERGE = "lib/api/merge_requests.rb"
FAKE = "tests/conformance/test_fake_gitlab.py"
FORGE = "tests/conformance/test_forge.py"
CLIENT = "tests/unit/forges/test_gitlab_client.py"
REFUSALS = "tests/unit/forges/test_gitlab_refusals.py"
SETUP = "tests/unit/forges/test_gitlab_setup.py"
AUTHORS = "tests/unit/forges/test_contributors.py"
PIPELINES = "tests/stories/test_gitlab_pipelines.py"
METHODS = "tests/stories/test_gitlab_merge_methods.py"
TOLD = f"{REFUSALS}::test_a_refusal_says_what_it_is_and_who_clears_it"

BEHAVIOURS = (
    Behaviour(
        "A status joins the newest pipeline of exactly its commit, also one of another branch.",
        STATUSES,
        f"{FAKE}::test_a_status_joins_the_newest_pipeline_of_its_commit",
    ),
    Behaviour(
        "Without a pipeline, a status makes one with the source `external` on its `ref`.",
        STATUSES,
        f"{FAKE}::test_a_status_makes_a_pipeline_of_its_branch",
    ),
    Behaviour(
        "Without a pipeline and without `ref`, it goes to the first branch with the commit.",
        STATUS_SERVICE,
        f"{FAKE}::test_a_status_without_a_ref_goes_to_the_first_branch_with_the_commit",
    ),
    Behaviour(
        "A `pipeline_id` of another commit or ref is refused with 404.",
        STATUS_SERVICE,
        f"{FAKE}::test_statuses_that_are_refused",
    ),
    Behaviour(
        "A pending status cannot be set to pending again, not even with another text.",
        STATUS_SERVICE,
        f"{FAKE}::test_statuses_that_are_refused",
    ),
    Behaviour(
        "A status of a commit that no branch contains is refused with 404.",
        STATUS_SERVICE,
        f"{FAKE}::test_a_status_of_a_commit_on_no_branch_is_refused",
    ),
    Behaviour(
        "Two updates of the statuses of one commit at a time: the second is refused with 409.",
        STATUSES,
        TOLD,
    ),
    Behaviour(
        "With *Pipelines must succeed* only the head pipeline of a merge request counts.",
        "app/services/merge_requests/mergeability/check_ci_status_service.rb",
        f"{FAKE}::test_only_the_head_pipeline_counts",
    ),
    Behaviour(
        "Merge request pipelines go before those of the branch, however old.",
        HEAD_PIPELINE,
        f"{FAKE}::test_merge_request_pipelines_go_before_those_of_the_branch",
    ),
    Behaviour(
        "The commit of a merged results pipeline is a merge with the target, not the head.",
        f"{DOCS}/ci/pipelines/merged_results_pipelines/",
        f"{PIPELINES}::test_nobody_merges_a_wave_before_its_turn",
    ),
    Behaviour(
        "A pipeline that starts later takes the place of the head pipeline, without its statuses.",
        HEAD_PIPELINE,
        f"{PIPELINES}::test_a_pipeline_that_starts_later_gets_the_order_too",
    ),
    Behaviour(
        "A skipped pipeline counts as passed if the project says so.",
        f"{DOCS}/user/project/merge_requests/auto_merge/",
        f"{SETUP}::test_a_project_that_cannot_be_rolled_out_to_is_told",
    ),
    Behaviour(
        "A merge without the right to merge is answered with 401, as a bad token is.",
        MERGE,
        f"{CLIENT}::test_no_right_to_merge_is_told_apart_from_a_rejected_token",
    ),
    Behaviour(
        "A merge at another head is answered with 409, one that is not mergeable with 405, one "
        "that fails with 422.",
        MERGE,
        f"{FAKE}::test_a_merge_is_refused_with_the_status_of_its_reason",
    ),
    Behaviour(
        "`detailed_merge_status` names one reason, pipelines last.",
        CHECKS,
        f"{FAKE}::test_other_reasons_come_before_those_of_pipelines",
    ),
    Behaviour(
        "There are more reasons not to merge than the bot can cause; each is told.",
        f"{REQUESTS}#merge-status",
        f"{SETUP}::test_every_merge_status_of_gitlab_is_explained_or_waited_for",
    ),
    Behaviour(
        "Whether it can be merged is computed in the background (`checking`).",
        f"{REQUESTS}#merge-status",
        f"{CLIENT}::test_a_merge_during_gitlabs_check_is_retried",
    ),
    Behaviour(
        "After a change of the target branch that is `unchecked`, without conflicts, until asked.",
        f"{REQUESTS}#list-merge-requests",
        f"{FAKE}::test_the_merge_status_is_unchecked_until_somebody_asks",
    ),
    Behaviour(
        "Fast-forward and semi-linear projects want the head to contain the target.",
        "app/services/merge_requests/mergeability/check_rebase_status_service.rb",
        f"{FAKE}::test_a_branch_behind_its_target_needs_a_rebase",
    ),
    Behaviour(
        "Each merge puts all other branches of such a project behind.",
        f"{DOCS}/user/project/merge_requests/methods/",
        f"{METHODS}::test_six_waves_merge_without_a_person",
    ),
    Behaviour(
        "A fast-forward merge has no merge commit.",
        f"{DOCS}/user/project/merge_requests/methods/",
        f"{FAKE}::test_a_fast_forward_leaves_no_merge_commit",
    ),
    Behaviour(
        "A project can require or forbid squashing, whatever a merge asks for.",
        f"{DOCS}/user/project/merge_requests/squash_and_merge/",
        f"{CLIENT}::test_merges_with_every_method_and_squash_setting",
    ),
    Behaviour(
        "With merge trains a plain merge bypasses the train.",
        f"{DOCS}/api/merge_trains/",
        f"{FORGE}::test_where_a_queue_or_train_is_asked_for_it_is_entered_once",
    ),
    Behaviour(
        "A moved project redirects reads, and answers writes with 405.",
        "lib/api/helpers.rb",
        "tests/stories/test_faults_of_names.py::"
        "test_the_new_name_of_a_renamed_deploy_repo_is_asked_for",
    ),
    Behaviour(
        "An archived project, and one about to be deleted, refuse writes with 403.",
        f"{DOCS}/user/project/working_with_projects/#archive-a-project",
        TOLD,
    ),
    Behaviour(
        "401 says why: the token is unknown, expired or revoked.",
        "lib/api/api_guard.rb",
        TOLD,
    ),
    Behaviour(
        "A token without the scope is refused with 403 and `insufficient_scope`.",
        "lib/api/api_guard.rb",
        TOLD,
    ),
    Behaviour(
        "In maintenance mode writes are refused with 403.",
        f"{DOCS}/administration/maintenance_mode/",
        TOLD,
    ),
    Behaviour(
        "Every access token ends; it tells when (`/personal_access_tokens/self`).",
        f"{DOCS}/api/personal_access_tokens/",
        f"{SETUP}::test_the_end_of_the_token_is_told_two_weeks_before",
    ),
    Behaviour(
        "A rate limit states its end in `Retry-After` or `RateLimit-Reset`, or not at all.",
        f"{DOCS}/administration/settings/user_and_ip_rate_limits/",
        f"{CLIENT}::test_a_rate_limit_is_kept_until_it_ends",
    ),
    Behaviour(
        "A redirect to another host would take the token along.",
        f"{DOCS}/api/rest/#redirects",
        f"{CLIENT}::test_a_redirect_to_another_host_is_not_followed",
    ),
    Behaviour(
        "An approval names no commit and, in some versions, no time.",
        f"{DOCS}/api/merge_request_approvals/",
        f"{CLIENT}::test_an_approval_applies_to_the_head_at_its_time",
    ),
    Behaviour(
        "An emoji under a note touches `updated_at` as an edit does.",
        f"{DOCS}/api/emoji_reactions/",
        f"{FAKE}::test_an_emoji_touches_a_note_as_an_edit_does",
    ),
    Behaviour(
        "REST maps no address of a commit to an account; GraphQL maps confirmed ones, of authors.",
        "app/models/commit.rb",
        f"{AUTHORS}::test_who_wrote_what_another_pushed_is_told_by_the_verified_address",
    ),
    Behaviour(
        "A GraphQL query of more than 250 points is refused.",
        f"{DOCS}/api/graphql/#limits",
        f"{FAKE}::test_a_query_of_too_many_points_is_refused",
    ),
    Behaviour(
        "A push of more than three branches is one event that names none of them.",
        f"{DOCS}/administration/settings/push_event_activities_limit/",
        "tests/stories/test_authors.py::test_while_some_author_is_unknown_no_approval_counts",
    ),
    Behaviour(
        "Commits that were squashed away keep no parents.",
        "lib/api/entities/commit.rb",
        f"{AUTHORS}::test_squashed_commits_are_a_line_to_gitlab",
    ),
    Behaviour(
        "A failing webhook is disabled, at last for good; a test request enables it.",
        f"{DOCS}/user/project/integrations/webhooks/",
        "tests/stories/test_health.py::test_a_webhook_that_gitlab_switched_off_is_woken",
    ),
    Behaviour(
        "Webhooks carry a secret token, or a signature over their bytes and time.",
        f"{DOCS}/user/project/integrations/webhooks/",
        f"{CLIENT}::test_webhooks_have_a_signature_or_a_token",
    ),
    Behaviour(
        "A push that rules forbid is declined by a hook, which prints why.",
        f"{DOCS}/user/project/repository/push_rules/",
        "tests/unit/git/test_mirror_push.py::"
        "test_what_the_servers_hook_prints_is_returned_in_printable_words",
    ),
    Behaviour(
        "Notes on lines and in threads are in one list with the others.",
        f"{DOCS}/api/notes/",
        "tests/stories/test_gitlab_notes.py::test_a_command_on_a_line_or_in_a_thread_is_obeyed",
    ),
    Behaviour(
        "What GitLab writes itself is a note of the person who caused it, and `system`.",
        f"{DOCS}/api/notes/",
        "tests/stories/test_gitlab_notes.py::test_what_gitlab_writes_itself_is_no_command",
    ),
    Behaviour(
        "The jobs of a pipeline are limited; one more is refused with 422.",
        STATUS_SERVICE,
        f"{CLIENT}::test_a_waiting_status_leaves_room_for_the_last_one",
    ),
    Behaviour(
        "A project can ask for resolved threads, approvals and more, whatever the pipeline says.",
        f"{DOCS}/user/project/merge_requests/auto_merge/",
        "tests/stories/test_merge_rights.py::test_what_the_project_asks_for_besides_is_waited_for",
    ),
    Behaviour(
        "A train merges as the request to enter it says: squashing is asked for there.",
        f"{DOCS}/api/merge_trains/",
        f"{CLIENT}::test_a_train_is_told_to_squash_where_the_project_requires_it",
    ),
    Behaviour(
        "Setting reviewers replaces them; without a licence for more, the first alone is kept.",
        "app/services/merge_requests/base_service.rb",
        f"{FAKE}::test_without_a_licence_for_more_one_reviewer_is_kept",
    ),
    Behaviour(
        "Who may not read the project does not become a reviewer, and nothing says so.",
        "app/services/merge_requests/base_service.rb",
        f"{FAKE}::test_who_cannot_read_the_project_is_no_reviewer",
    ),
)
