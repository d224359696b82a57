"""What GitHub does."""

from tests.conformance.behaviours import Behaviour

DOCS = "https://docs.github.com/en"
PROTECTION = (
    f"{DOCS}/repositories/configuring-branches-and-merges-in-your-repository/"
    "managing-protected-branches/about-protected-branches"
)
RULES = (
    f"{DOCS}/repositories/configuring-branches-and-merges-in-your-repository/managing-rulesets/"
    "available-rules-for-rulesets"
)
QUEUE = (
    f"{DOCS}/repositories/configuring-branches-and-merges-in-your-repository/"
    "configuring-pull-request-merges/managing-a-merge-queue"
)
METHODS = (
    f"{DOCS}/pull-requests/collaborating-with-pull-requests/"
    "incorporating-changes-from-a-pull-request/about-pull-request-merges"
)
PULLS = f"{DOCS}/rest/pulls/pulls"
REVIEWS = f"{DOCS}/rest/pulls/reviews"
INLINE = f"{DOCS}/rest/pulls/comments"
COMMITS = f"{DOCS}/rest/commits/commits"
EVENTS = f"{DOCS}/webhooks/webhook-events-and-payloads"
MANIFEST = f"{DOCS}/apps/sharing-github-apps/registering-a-github-app-from-a-manifest"
APPS = f"{DOCS}/rest/apps/apps"
APP_JWT = (
    f"{DOCS}/apps/creating-github-apps/authenticating-with-a-github-app/"
    "authenticating-as-a-github-app"
)
NEEDED = f"{DOCS}/rest/authentication/permissions-required-for-github-apps"
TROUBLE = f"{DOCS}/rest/using-the-rest-api/troubleshooting-the-rest-api"
LIMITS = f"{DOCS}/rest/using-the-rest-api/rate-limits-for-the-rest-api"
PRACTICES = f"{DOCS}/rest/using-the-rest-api/best-practices-for-using-the-rest-api"
GRAPHQL = f"{DOCS}/graphql/reference/enums#mergestatestatus"
GRAPHQL_LIMITS = f"{DOCS}/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api"
CHECKS = f"{DOCS}/rest/checks/runs"
STATUSES = f"{DOCS}/rest/commits/statuses"
ACCESS = f"{DOCS}/organizations/keeping-your-organization-secure"

FAKE = "tests/conformance/test_fake_github.py"
FORGE = "tests/conformance/test_forge.py"
MERGES = "tests/conformance/test_github_merging.py"
PERMISSIONS = "tests/conformance/test_github_permissions.py"
CLIENT = "tests/unit/forges/test_github_client.py"
REFUSALS = "tests/unit/forges/test_github_refusals.py::test_each_refusal_is_told_as_what_it_is"
AUTHORS = "tests/unit/forges/test_contributors.py"
WRITTEN = "tests/stories/test_review_comments.py"
MERGE_QUEUE = "tests/stories/test_merge_queue.py"
HEALTH = "tests/stories/test_health.py"
BEHIND = "tests/stories/test_up_to_date.py"

BEHAVIOURS = (
    Behaviour(
        "A JWT of the App is taken by its own endpoints alone; `/users/...` answers 401.",
        APP_JWT,
        f"{FAKE}::test_a_jwt_of_the_app_is_refused_outside_its_endpoints",
    ),
    Behaviour(
        "An event of the App manifest needs its permission (`issue_comment`: `issues`).",
        EVENTS,
        f"{FAKE}::test_an_event_needs_its_permission",
    ),
    Behaviour(
        "A manifest with an unknown key, permission or event, or a local webhook, is refused.",
        MANIFEST,
        f"{FAKE}::test_a_wrong_manifest_is_refused",
    ),
    Behaviour(
        "A code of the manifest flow is valid once.",
        MANIFEST,
        "tests/stories/test_setup.py::test_a_code_that_github_does_not_know_is_said",
    ),
    Behaviour(
        "A suspended installation gives no tokens, and its tokens are refused with 403.",
        f"{DOCS}/apps/maintaining-github-apps/suspending-a-github-app-installation",
        "tests/stories/test_unreadable_repositories.py::"
        "test_a_suspended_installation_stops_its_own_account_alone",
    ),
    Behaviour(
        "An App that is not installed on an account has no installation there (404).",
        APPS,
        f"{CLIENT}::test_an_app_that_is_not_installed_there_says_what_to_do",
    ),
    Behaviour(
        "A token has at most the permissions of its installation; asking for more is 422.",
        APPS,
        f"{CLIENT}::test_a_token_asks_for_no_more_than_the_app_was_granted",
    ),
    Behaviour(
        "An endpoint whose permission a token lacks answers 403, with the permission in a header.",
        NEEDED,
        f"{PERMISSIONS}::test_each_operation_needs_one_of_its_permissions",
    ),
    Behaviour(
        "A permission that an account took back ends for tokens that exist, too.",
        TROUBLE,
        f"{PERMISSIONS}::test_a_token_is_not_given_more_than_the_installation_has",
    ),
    Behaviour(
        "A repository outside of a token is not found (404), not forbidden.",
        TROUBLE,
        f"{PERMISSIONS}::test_another_repository_is_not_found",
    ),
    Behaviour(
        "A token that expired or was revoked is refused with 401 `Bad credentials`.",
        TROUBLE,
        f"{CLIENT}::test_a_rejected_token_is_renewed_once",
    ),
    Behaviour(
        "A renamed repository redirects reads with 301, writes with 307.",
        PRACTICES,
        f"{CLIENT}::test_a_renamed_repository_is_followed_on_reading_but_to_no_other_host",
    ),
    Behaviour(
        "Unchanged data, asked for with its ETag, is answered with 304 and costs nothing.",
        PRACTICES,
        f"{CLIENT}::test_unchanged_resources_are_not_transferred_again",
    ),
    Behaviour(
        "Primary and secondary limits come with 403 or 429, with or without their end.",
        LIMITS,
        f"{CLIENT}::test_every_kind_of_rate_limit_states_its_end",
    ),
    Behaviour(
        "A limit of GraphQL comes with status 200 and the error `RATE_LIMITED`.",
        GRAPHQL_LIMITS,
        "tests/unit/forges/test_github_refusals.py::test_a_limit_of_graphql_comes_with_status_200",
    ),
    Behaviour(
        "An organisation's list of allowed IP addresses refuses others with 403.",
        f"{ACCESS}/managing-security-settings-for-your-organization/"
        "managing-allowed-ip-addresses-for-your-organization",
        REFUSALS,
    ),
    Behaviour(
        "An organisation with SAML refuses tokens that were not authorized for it with 403.",
        f"{DOCS}/authentication/authenticating-with-saml-single-sign-on",
        REFUSALS,
    ),
    Behaviour(
        "A JWT whose times do not fit GitHub's clock is refused with 401 and names the claim.",
        f"{DOCS}/apps/creating-github-apps/authenticating-with-a-github-app/"
        "generating-a-json-web-token-jwt-for-a-github-app",
        "tests/unit/forges/test_github_refusals.py::test_refusals_of_the_app_itself",
    ),
    Behaviour(
        "Failed deliveries of webhooks are not repeated until somebody asks.",
        f"{DOCS}/webhooks/using-webhooks/handling-failed-webhook-deliveries",
        f"{HEALTH}::test_what_was_not_taken_is_asked_for_again",
    ),
    Behaviour(
        "With branches required to be up to date, `mergeable_state` is `behind` and a merge 405.",
        PROTECTION,
        f"{MERGES}::test_a_branch_behind_is_told_and_not_merged",
    ),
    Behaviour(
        "Each merge puts all other branches behind.",
        PROTECTION,
        f"{BEHIND}::test_six_waves_merge_where_github_asks_for_up_to_date_branches",
    ),
    Behaviour(
        "Without that rule a branch behind its target merges.",
        GRAPHQL,
        f"{MERGES}::test_without_that_rule_a_branch_behind_merges",
    ),
    Behaviour(
        "*Update branch* answers 202, and 422 at another head or without new commits.",
        PULLS,
        f"{MERGES}::test_update_branch_merges_main_into_the_branch",
    ),
    Behaviour(
        "A merge is refused if the head is not `sha` (409), or required checks are missing (405).",
        PULLS,
        f"{FORGE}::test_a_merge_is_pinned_to_the_head",
    ),
    Behaviour(
        "Merge methods are limited by the repository, by rulesets and by linear history.",
        RULES,
        f"{MERGES}::test_an_allowed_method_is_chosen",
    ),
    Behaviour(
        "Repository and ruleset together can allow no method at all.",
        RULES,
        f"{MERGES}::test_no_common_method_is_told",
    ),
    Behaviour(
        "A method that the repository does not allow is refused with 405.",
        METHODS,
        f"{MERGES}::test_a_method_that_a_policy_asks_for_is_not_replaced",
    ),
    Behaviour(
        "Required reviews that are missing make a pull request `blocked`.",
        PROTECTION,
        f"{MERGES}::test_reviews_that_github_requires_keep_it_blocked",
    ),
    Behaviour(
        "Stale reviews are dismissed when the difference changes, not when the base moves.",
        PROTECTION,
        f"{MERGES}::test_a_review_is_dismissed_when_the_difference_changes",
    ),
    Behaviour(
        "*Approval of the most recent push* asks for a review after each push.",
        PROTECTION,
        f"{MERGES}::test_the_last_push_needs_an_approval_of_its_own",
    ),
    Behaviour(
        "A review that comments leaves an approval; one that requests changes ends it.",
        f"{DOCS}/pull-requests/collaborating-with-pull-requests/reviewing-changes-in-pull-requests/"
        "about-pull-request-reviews",
        f"{WRITTEN}::test_the_last_review_that_decides_counts",
    ),
    Behaviour(
        "Reviews and inline comments have texts, ids and events of their own.",
        REVIEWS,
        f"{WRITTEN}::test_a_command_is_obeyed_and_answered_in_the_conversation",
    ),
    Behaviour(
        "Everybody who may write may edit a review; REST does not tell that it was edited.",
        REVIEWS,
        f"{WRITTEN}::test_a_text_that_somebody_edited_is_refused",
    ),
    Behaviour(
        "Inline comments hold suggestions, which are code.",
        INLINE,
        f"{WRITTEN}::test_suggestions_quotes_and_code_are_no_commands",
    ),
    Behaviour(
        "A merge queue tests each request upon those before it, on a branch of its own.",
        QUEUE,
        f"{MERGE_QUEUE}::test_a_wave_that_somebody_enqueues_early_is_not_merged",
    ),
    Behaviour(
        "It merges when the required checks pass on that branch.",
        QUEUE,
        f"{MERGE_QUEUE}::test_a_wave_in_the_queue_waits_for_the_checks",
    ),
    Behaviour(
        "What fails there leaves the queue.",
        QUEUE,
        f"{MERGE_QUEUE}::test_a_wave_that_fails_in_the_queue_is_tried_again",
    ),
    Behaviour(
        "Where a queue is required, a merge is refused with 405.",
        QUEUE,
        f"{CLIENT}::test_a_merge_that_requires_the_queue_is_enqueued_with_its_head",
    ),
    Behaviour(
        "Everybody who may write can set any status; a rule can name the App it has to come from.",
        f"{DOCS}/pull-requests/collaborating-with-pull-requests/"
        "collaborating-on-repositories-with-code-quality-features/about-status-checks",
        "tests/unit/forges/test_github_setup.py::test_the_order_has_to_come_from_the_app",
    ),
    Behaviour(
        "A push is declined by rulesets, push protection and file sizes, with the reason in print.",
        f"{DOCS}/repositories/configuring-branches-and-merges-in-your-repository/managing-rulesets/"
        "troubleshooting-rules",
        "tests/unit/git/test_mirror_push.py::test_what_github_declines_is_told",
    ),
    Behaviour(
        "Check runs are no statuses; the newest of each name and app are listed, and only those "
        "that are completed have a conclusion.",
        CHECKS,
        "tests/conformance/test_github_checks.py::test_only_the_conclusion_success_is_one",
    ),
    Behaviour(
        "A commit has at most 1,000 statuses of one context.",
        STATUSES,
        f"{FAKE}::test_a_commit_has_at_most_a_thousand_statuses_of_a_context",
    ),
    Behaviour(
        "At most 250 commits of a pull request are listed.",
        PULLS,
        f"{AUTHORS}::test_a_pull_request_with_more_commits_than_are_listed_is_not_attributed",
    ),
    Behaviour(
        "`author` and `committer` are the accounts with the commit's verified address, else null.",
        COMMITS,
        f"{FORGE}::test_whoever_pushed_is_told_whatever_the_commit_says",
    ),
    Behaviour(
        "What is done on GitHub's pages is committed by `web-flow`; the activity tells who did it.",
        f"{DOCS}/rest/repos/repos",
        f"{AUTHORS}::test_whoever_pushed_what_was_squashed_counts",
    ),
    Behaviour(
        "Requests and answers, with every status, are those of GitHub's OpenAPI description.",
        "https://github.com/github/rest-api-description",
        f"{FAKE}::test_what_is_not_described_is_noticed",
    ),
    Behaviour(
        "For the sake of one who is no collaborator a whole request for reviews is a 422.",
        f"{DOCS}/rest/pulls/review-requests",
        f"{FAKE}::test_one_who_is_no_collaborator_refuses_the_whole_request",
    ),
    Behaviour(
        "Teams are requested by the slug in the organisation that owns the repository.",
        f"{DOCS}/rest/pulls/review-requests",
        "tests/stories/test_review_requests.py::test_a_team_of_github_is_requested_beside_people",
    ),
)
