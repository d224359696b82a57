"""The words of the home comment, as reviewers will see them."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot as inline
from markdown_it import MarkdownIt

from bot.core import propose
from bot.wording.markdown import code, fence, link, units
from planners.model import (
    CustomizationIntent,
    OnFailure,
    PlacementIntent,
    Readiness,
    Target,
    Unit,
)
from planners.selectors import Selector
from planners.snapshot import Earlier
from tests.fakes.comments import IMAGE, MARKER, Told, approved_by, sources, world

FIVE = tuple(f"c{number}" for number in range(1, 6))


def short(text: str) -> str:
    """Without the marker, and with long lists of clusters cut."""
    shown = text.removeprefix(f"{MARKER}\n\n")
    return re.sub(r"(`c\d+(?:, c\d+){5}), [c\d, ]+`", r"\1, ...`", shown)


def section(text: str, title: str) -> str:
    return text.partition(f"### {title}\n\n")[2].partition("\nCommands: ")[0]


def updated(told: Told) -> Told:
    return told.change(sources=sources(f"{IMAGE}:1.5.0"))


def with_replicas(told: Told, replicas: int) -> Told:
    """Another number of replicas of `web` on five clusters."""
    patch = CustomizationIntent(
        "few",
        ("web",),
        Target("Deployment", "web"),
        "mergePatch",
        {"spec": {"replicas": replicas}},
        Selector(names=FIVE),
    )
    app = replace(told.world.snapshot.application, customizations=(patch,))
    return told.change(application=app)


def large() -> Told:
    """212 clusters get a new version of the image; five of them no replicas any more."""
    return with_replicas(updated(world(212).installed()), 0)


def test_a_first_plan() -> None:
    assert short(world().comment(preview=True)) == inline("""\
**`storefront`**: `3 clusters of 3 change in 4 waves` · plan `456422d76188` · next: `the merge of this merge request`

| wave | clusters | changes | risks | state |
| --- | --- | --- | --- | --- |
| `canary.1` `redis` | 1: `c1` | 2 created |  | to merge |
| `canary.2` `web` | 1: `c1` | 2 created |  | to merge |
| `rest.1` `redis` | 2: `c2, c3` | 4 created |  | to merge |
| `rest.2` `web` | 2: `c2, c3` | 4 created |  | to merge |

```mermaid
flowchart LR
  w0["canary.1: to merge"]
  w1["canary.2: to merge"]
  w2["rest.1: to merge"]
  w3["rest.2: to merge"]
  w0 --> w1
  w1 --> w2
  w2 --> w3
```

### Changes

<details><summary>all 3 clusters (<code>c1, c2, c3</code>): <code>2 objects created</code></summary>

- `Deployment redis: created, image registry.example.com/web:1.4.2`
- `Deployment web: created, image registry.example.com/web:1.4.2`

```diff
--- /dev/null
+++ b/clusters/*/apps/shop/storefront/redis/deployment-redis.yaml
@@ -0,0 +1,18 @@
+apiVersion: apps/v1
+kind: Deployment
+metadata:
+  name: redis
+  namespace: shop
+spec:
+  replicas: 2
+  selector:
+    matchLabels:
+      app: redis
+  template:
+    metadata:
+      labels:
+        app: redis
+    spec:
+      containers:
+      - name: main
+        image: registry.example.com/web:1.4.2
--- /dev/null
+++ b/clusters/*/apps/shop/storefront/web/deployment-web.yaml
@@ -0,0 +1,18 @@
+apiVersion: apps/v1
+kind: Deployment
+metadata:
+  name: web
+  namespace: shop
+spec:
+  replicas: 2
+  selector:
+    matchLabels:
+      app: web
+  template:
+    metadata:
+      labels:
+        app: web
+    spec:
+      containers:
+      - name: main
+        image: registry.example.com/web:1.4.2
--- /dev/null
+++ b/clusters/*/sync/shop/storefront/redis.yaml
@@ -0,0 +1,17 @@
+apiVersion: kustomize.toolkit.fluxcd.io/v1
+kind: Kustomization
+metadata:
+  name: storefront.redis
+  namespace: flux-system
+spec:
+  interval: 10m
+  retryInterval: 1m
+  timeout: 5m
+  prune: true
+  wait: true
+  path: ./clusters/*/apps/shop/storefront/redis
+  targetNamespace: shop
+  serviceAccountName: switchyard
+  sourceRef:
+    kind: GitRepository
+    name: switchyard
--- /dev/null
+++ b/clusters/*/sync/shop/storefront/web.yaml
@@ -0,0 +1,17 @@
+apiVersion: kustomize.toolkit.fluxcd.io/v1
+kind: Kustomization
+metadata:
+  name: storefront.web
+  namespace: flux-system
+spec:
+  interval: 10m
+  retryInterval: 1m
+  timeout: 5m
+  prune: true
+  wait: true
+  path: ./clusters/*/apps/shop/storefront/web
+  targetNamespace: shop
+  serviceAccountName: switchyard
+  sourceRef:
+    kind: GitRepository
+    name: switchyard
```

</details>

<details><summary>Where and why (2 components)</summary>

| components | outcome | clusters |
| --- | --- | --- |
| `redis, web` | chosen | 3: `c1, c2, c3` |

</details>

Commands: `/switchyard plan` `/switchyard why` `/switchyard diff` `/switchyard explain redis` `/switchyard help`

<sub>revision `aaaaaaaaaaaa` · [status page](http://page) · reproduce with `switchyard plan --app APP --fleet FLEET --deploy DEPLOY --expect 456422d76188`</sub>\
""")


def test_an_update_that_waits_for_an_approval() -> None:
    told = updated(world(stages=()).installed()).change(policies=(approved_by("rita"),))

    told.world.settle()

    assert short(told.comment()) == inline("""\
**`storefront`**: `0 of 2 waves merged` · plan `989a740c777e` · next: `waits for 1 approval of all.1: rita`

| wave | merge request | clusters | changes | risks | waits for | state |
| --- | --- | --- | --- | --- | --- | --- |
| `all.1` `redis` | [!3](http://forge/3) | 3: `c1, c2, c3` | 3 configured |  | `waits for 1 approval: clusters with canary=true` | waits |
| `all.2` `web` | [!4](http://forge/4) | 3: `c1, c2, c3` | 3 configured |  | `web waits for redis to be Ready on c1 (wave all.1 is not merged), c2 (wave all.1 is not merged), c3 (wave all.1 is not merged)` | waits |

```mermaid
flowchart LR
  w0["all.1: waits"]
  w1["all.2: waits"]
  w0 --> w1
```

<details><summary>What it waits for (2 gates)</summary>

| waves | why it waits | cleared by |
| --- | --- | --- |
| `all.1, all.2` | `waits for 1 approval: clusters with canary=true` | `rita approves the merge request` |
| `all.2` | `web waits for redis to be Ready on c1 (wave all.1 is not merged), c2 (wave all.1 is not merged), c3 (wave all.1 is not merged)` | `the clusters' reports, by themselves` |

</details>

### Changes

<details><summary>all 3 clusters (<code>c1, c2, c3</code>): <code>image 1.4.2 -&gt; 1.5.0 (2 times)</code></summary>

- `Deployment redis: containers[main].image 1.4.2 -> 1.5.0`
- `Deployment web: containers[main].image 1.4.2 -> 1.5.0`

```diff
--- a/clusters/*/apps/shop/storefront/redis/deployment-redis.yaml
+++ b/clusters/*/apps/shop/storefront/redis/deployment-redis.yaml
@@ -15,4 +15,4 @@
     spec:
       containers:
       - name: main
-        image: registry.example.com/web:1.4.2
+        image: registry.example.com/web:1.5.0
--- a/clusters/*/apps/shop/storefront/web/deployment-web.yaml
+++ b/clusters/*/apps/shop/storefront/web/deployment-web.yaml
@@ -15,4 +15,4 @@
     spec:
       containers:
       - name: main
-        image: registry.example.com/web:1.4.2
+        image: registry.example.com/web:1.5.0
```

</details>

<details><summary>Where and why (2 components)</summary>

| components | outcome | clusters |
| --- | --- | --- |
| `redis, web` | chosen | 3: `c1, c2, c3` |

</details>

Commands: `/switchyard approve all.1` `/switchyard why all.1` `/switchyard hold --reason "..."` `/switchyard cancel --reason "..."` `/switchyard rollback --reason "..."` `/switchyard help`

<sub>revision `aaaaaaaaaaaa` · [status page](http://page) · reproduce with `switchyard plan --app APP --fleet FLEET --deploy DEPLOY --expect 989a740c777e`</sub>\
""")


def test_212_clusters_of_which_5_differ() -> None:
    text = large().comment(preview=True)

    assert short(text).splitlines()[:9] == inline(
        [
            "**`storefront`**: `212 clusters of 212 change in 4 waves` · plan `2457bf813973` · next: `the merge of this merge request`",
            "",
            "| wave | clusters | changes | risks | state |",
            "| --- | --- | --- | --- | --- |",
            "| `canary.1` `redis` | 1: `c1` | 1 configured |  | to merge |",
            "| `canary.2` `web` | 1: `c1` | 1 configured | replicas to zero | to merge |",
            "| `rest.1` `redis` | 211: `c10, c100, c101 and 208 more` | 211 configured |  | to merge |",
            "| `rest.2` `web` | 211: `c10, c100, c101 and 208 more` | 211 configured | replicas to zero | to merge |",
            "",
        ]
    )
    assert short(section(text, "Changes")) == inline("""\
<details><summary>5 of 212 clusters: <code>image 1.4.2 -&gt; 1.5.0 (2 times), replicas 2 -&gt; 0</code> · replicas to zero</summary>

- `Deployment redis: containers[main].image 1.4.2 -> 1.5.0`
- `Deployment web: replicas 2 -> 0`
- `Deployment web: containers[main].image 1.4.2 -> 1.5.0`

<details><summary>The 5 clusters</summary>

`c1, c2, c3, c4, c5`

</details>

```diff
--- a/clusters/*/apps/shop/storefront/redis/deployment-redis.yaml
+++ b/clusters/*/apps/shop/storefront/redis/deployment-redis.yaml
@@ -15,4 +15,4 @@
     spec:
       containers:
       - name: main
-        image: registry.example.com/web:1.4.2
+        image: registry.example.com/web:1.5.0
--- a/clusters/*/apps/shop/storefront/web/deployment-web.yaml
+++ b/clusters/*/apps/shop/storefront/web/deployment-web.yaml
@@ -4,7 +4,7 @@
   name: web
   namespace: shop
 spec:
-  replicas: 2
+  replicas: 0
   selector:
     matchLabels:
       app: web
@@ -15,4 +15,4 @@
     spec:
       containers:
       - name: main
-        image: registry.example.com/web:1.4.2
+        image: registry.example.com/web:1.5.0
```

</details>

<details><summary>207 of 212 clusters: <code>image 1.4.2 -&gt; 1.5.0 (2 times)</code></summary>

- `Deployment redis: containers[main].image 1.4.2 -> 1.5.0`
- `Deployment web: containers[main].image 1.4.2 -> 1.5.0`

<details><summary>The 207 clusters</summary>

`c10, c100, c101, c102, c103, c104, ...`

</details>

```diff
--- a/clusters/*/apps/shop/storefront/redis/deployment-redis.yaml
+++ b/clusters/*/apps/shop/storefront/redis/deployment-redis.yaml
@@ -15,4 +15,4 @@
     spec:
       containers:
       - name: main
-        image: registry.example.com/web:1.4.2
+        image: registry.example.com/web:1.5.0
--- a/clusters/*/apps/shop/storefront/web/deployment-web.yaml
+++ b/clusters/*/apps/shop/storefront/web/deployment-web.yaml
@@ -15,4 +15,4 @@
     spec:
       containers:
       - name: main
-        image: registry.example.com/web:1.4.2
+        image: registry.example.com/web:1.5.0
```

</details>

<details><summary>Where and why (2 components)</summary>

| components | outcome | clusters |
| --- | --- | --- |
| `redis, web` | chosen | 212: `c1, c10, c100, c101, c102, c103, c104, c105, c106, c107, c108, c109, c11, c110, c111, c112, c113, c114, c115, c116 and 192 more` |

</details>
""")


def test_nothing_matches() -> None:
    told = world()
    nowhere = PlacementIntent(("redis", "web"), all_of=(Selector({"tier": "edge"}),))
    app = replace(told.world.snapshot.application, placements=(nowhere,))

    assert short(told.change(application=app).comment(preview=True)) == inline("""\
**`storefront`: no plan.** 2 problems in revision `aaaaaaaaaaaa`; nothing was changed anywhere.

- `switchyard.yaml:1:1: no cluster for redis (allOf tier=edge; at least 1 wanted): the filter 'labels' removed 3 of 3; c1, for example, has no label tier where tier in (edge) is needed`
- `switchyard.yaml:1:1: no cluster for web (allOf tier=edge; at least 1 wanted): the filter 'labels' removed 3 of 3; c1, for example, has no label tier where tier in (edge) is needed`\
""")


def test_nothing_changes() -> None:
    assert short(world(stages=()).installed().comment(preview=True)).splitlines()[:7] == inline(
        [
            "**`storefront`**: `nothing changes on any cluster` · plan `e76b1df03d62` · next: `the merge of this merge request`",
            "",
            "| wave | clusters | changes | risks | state |",
            "| --- | --- | --- | --- | --- |",
            "| `all.1` `redis` | 3: `c1, c2, c3` | nothing left to merge |  | no change |",
            "| `all.2` `web` | 3: `c1, c2, c3` | nothing left to merge |  | no change |",
            "",
        ]
    )


def test_a_conflict() -> None:
    told = world()
    told.world.settle()
    first, *rest = told.world.snapshot.merge_requests
    requests = [replace(each, conflicts=True) for each in rest]
    told.change(merge_requests=(first, *requests))

    assert short(told.comment()).splitlines()[:8] == inline(
        [
            "**`storefront`**: `1 of 4 waves merged` · plan `456422d76188` · next: `canary.2: conflicts with main; Switchyard writes the branch anew`",
            "",
            "| wave | merge request | clusters | changes | risks | waits for | state |",
            "| --- | --- | --- | --- | --- | --- | --- |",
            "| `canary.1` `redis` |  | 1: `c1` | nothing left to merge |  |  | merged; `c1 (no report yet)` |",
            "| `canary.2` `web` | [!2](http://forge/2) | 1: `c1` | 2 created |  | `conflicts with main; Switchyard writes the branch anew` | waits |",
            "| `rest.1` `redis` | [!3](http://forge/3) | 2: `c2, c3` | 4 created |  | `conflicts with main; Switchyard writes the branch anew` | waits |",
            "| `rest.2` `web` | [!4](http://forge/4) | 2: `c2, c3` | 4 created |  | `conflicts with main; Switchyard writes the branch anew` | waits |",
        ]
    )


def test_a_hold() -> None:
    told = world()
    told.world.pass_once()
    told.world.label(1, "switchyard/hold")

    text = told.comment()

    assert short(text).splitlines()[:5] == inline(
        [
            "**`storefront`**: `0 of 4 waves merged` · plan `456422d76188` · next: `canary.1: held by the label switchyard/hold; somebody removes the label switchyard/hold`",
            "",
            "| wave | merge request | clusters | changes | risks | waits for | state |",
            "| --- | --- | --- | --- | --- | --- | --- |",
            "| `canary.1` `redis` | [!1](http://forge/1) | 1: `c1` | 2 created |  | `held by the label switchyard/hold` | waits |",
        ]
    )
    assert text.splitlines()[-3] == inline(
        'Commands: `/switchyard why canary.1` `/switchyard hold --reason "..."` `/switchyard cancel --reason "..."` `/switchyard rollback --reason "..."` `/switchyard help`'
    )


def test_a_failed_cluster_is_named_first() -> None:
    told = world()
    told.world.settle()
    told.world.report_all()
    told.world.report(Unit("redis", "c1"), Readiness.STALLED, "crash `loop` <b> @ada")

    text = told.comment()

    assert short(text).splitlines()[:5] == inline(
        [
            "**`storefront`**: `held: c1 (redis failed: crash 'loop' ‹b> @ada)` · plan `456422d76188` · next: `waits for a repair of the cluster, or a new revision`",
            "",
            "| wave | merge request | clusters | changes | risks | waits for | state |",
            "| --- | --- | --- | --- | --- | --- | --- |",
            "| `canary.1` `redis` |  | 1: `c1` | nothing left to merge |  |  | merged; `c1 (redis failed: crash 'loop' ‹b> @ada)` |",
        ]
    )
    assert text.splitlines()[-3] == inline(
        'Commands: `/switchyard why canary.2` `/switchyard hold --reason "..."` `/switchyard cancel --reason "..."` `/switchyard rollback --reason "..."` `/switchyard help`'
    )


def test_a_rollback() -> None:
    told = world(stages=()).installed()
    base = told.world.snapshot.base
    app = replace(told.world.snapshot.application, on_failure=OnFailure.ROLLBACK)
    updated(told).change(
        application=app, revision=replace(told.world.snapshot.revision, sha="b" * 40)
    )
    told.blobs.update(told.proposal().contents)
    told.world.finish()
    told.change(earlier=Earlier(base.revision, base.entries, told.blobs))
    told.world.report(Unit("web", "c2"), Readiness.STALLED, "crash loop")

    assert short(told.comment()) == inline("""\
**`storefront`**: `rolling back revision bbbbbbbb (c2 (web failed: crash loop)): 0 of 2 done` · plan `f8ce8a95a16e` · next: `rollback.2: the merge request is being written`

| wave | merge request | clusters | changes | risks | waits for | state |
| --- | --- | --- | --- | --- | --- | --- |
| `rollback.2` `web` |  | 3: `c1, c2, c3` | 3 configured |  | `the merge request is being written` | waits |
| `rollback.3` `redis` |  | 3: `c1, c2, c3` | 3 configured |  | `the merge request is being written` | waits |

```mermaid
flowchart LR
  w0["rollback.2: waits"]
  w1["rollback.3: waits"]
  w0 --> w1
```

<details><summary>What it waits for (2 gates)</summary>

| waves | why it waits | cleared by |
| --- | --- | --- |
| `rollback.2, rollback.3` | `the merge request is being written` | `Switchyard, in its next pass` |
| `rollback.3` | `waits for rollback.2 to be ready: c1 (wave rollback.2 is not merged), c2 (wave rollback.2 is not merged), c3 (wave rollback.2 is not merged)` | `the clusters' reports, by themselves` |

</details>

### Changes

<details><summary>all 3 clusters (<code>c1, c2, c3</code>): <code>image 1.5.0 -&gt; 1.4.2 (2 times)</code></summary>

- `Deployment web: containers[main].image 1.5.0 -> 1.4.2`
- `Deployment redis: containers[main].image 1.5.0 -> 1.4.2`

```diff
--- a/clusters/*/apps/shop/storefront/redis/deployment-redis.yaml
+++ b/clusters/*/apps/shop/storefront/redis/deployment-redis.yaml
@@ -15,4 +15,4 @@
     spec:
       containers:
       - name: main
-        image: registry.example.com/web:1.5.0
+        image: registry.example.com/web:1.4.2
--- a/clusters/*/apps/shop/storefront/web/deployment-web.yaml
+++ b/clusters/*/apps/shop/storefront/web/deployment-web.yaml
@@ -15,4 +15,4 @@
     spec:
       containers:
       - name: main
-        image: registry.example.com/web:1.5.0
+        image: registry.example.com/web:1.4.2
```

</details>

Commands: `/switchyard why rollback.2` `/switchyard hold --reason "..."` `/switchyard help`

<sub>revision `aaaaaaaaaaaa` · [status page](http://page)</sub>\
""")


def test_large_diffs_go_first_and_the_comment_says_so() -> None:
    whole, grouped = large().comment(), large().comment(limit=5_000)

    assert "```diff" in whole
    assert "Too long" not in whole
    assert short(section(grouped, "Changes")) == inline("""\
Too long to stand here: the diffs of 1 of 2 groups. All of it: the [status page](http://page) and the merge requests, or `switchyard plan --app APP --fleet FLEET --deploy DEPLOY --format markdown`.

<details><summary>5 of 212 clusters: <code>image 1.4.2 -&gt; 1.5.0 (2 times), replicas 2 -&gt; 0</code> · replicas to zero</summary>

- `Deployment redis: containers[main].image 1.4.2 -> 1.5.0`
- `Deployment web: replicas 2 -> 0`
- `Deployment web: containers[main].image 1.4.2 -> 1.5.0`

<details><summary>The 5 clusters</summary>

`c1, c2, c3, c4, c5`

</details>

```diff
--- a/clusters/*/apps/shop/storefront/redis/deployment-redis.yaml
+++ b/clusters/*/apps/shop/storefront/redis/deployment-redis.yaml
@@ -15,4 +15,4 @@
     spec:
       containers:
       - name: main
-        image: registry.example.com/web:1.4.2
+        image: registry.example.com/web:1.5.0
--- a/clusters/*/apps/shop/storefront/web/deployment-web.yaml
+++ b/clusters/*/apps/shop/storefront/web/deployment-web.yaml
@@ -4,7 +4,7 @@
   name: web
   namespace: shop
 spec:
-  replicas: 2
+  replicas: 0
   selector:
     matchLabels:
       app: web
@@ -15,4 +15,4 @@
     spec:
       containers:
       - name: main
-        image: registry.example.com/web:1.4.2
+        image: registry.example.com/web:1.5.0
```

</details>

<details><summary>207 of 212 clusters: <code>image 1.4.2 -&gt; 1.5.0 (2 times)</code></summary>

- `Deployment redis: containers[main].image 1.4.2 -> 1.5.0`
- `Deployment web: containers[main].image 1.4.2 -> 1.5.0`

On `c10, c100, c101, c102, c103, c104, c105, c106, c107, c108, c109, c11, c110, c111, c112, c113, c114, c115, c116, c117 and 187 more`; without its diff.

</details>

<details><summary>Where and why (2 components)</summary>

| components | outcome | clusters |
| --- | --- | --- |
| `redis, web` | chosen | 212: `c1, c10, c100, c101, c102, c103, c104, c105, c106, c107, c108, c109, c11, c110, c111, c112, c113, c114, c115, c116 and 192 more` |

</details>
""")


def test_statistics() -> None:
    assert short(large().comment(limit=2_500)) == inline("""\
**`storefront`**: `0 of 4 waves merged` · plan `2457bf813973` · next: `canary.1: the merge request is being written`

Shortened, for this plan is large: without graph, placement, and all gates but the first of each wave. All of it: the [status page](http://page) and the merge requests, or `switchyard plan --app APP --fleet FLEET --deploy DEPLOY --format markdown`.

| wave | merge request | clusters | changes | risks | waits for | state |
| --- | --- | --- | --- | --- | --- | --- |
| `canary.1` `redis` |  | 1: `c1` | 1 configured |  | `the merge request is being written` | waits |
| `canary.2` `web` |  | 1: `c1` | 1 configured | replicas to zero | `the merge request is being written` | waits |
| `rest.1` `redis` |  | 211: `c10, c100, c101 and 208 more` | 211 configured |  | `the merge request is being written` | waits |
| `rest.2` `web` |  | 211: `c10, c100, c101 and 208 more` | 211 configured | replicas to zero | `the merge request is being written` | waits |

### Changes

Too long to stand here: the diffs of 2 of 2 groups. All of it: the [status page](http://page) and the merge requests, or `switchyard plan --app APP --fleet FLEET --deploy DEPLOY --format markdown`.

- 5 of 212 clusters: `image 1.4.2 -> 1.5.0 (2 times), replicas 2 -> 0` · replicas to zero
- 207 of 212 clusters: `image 1.4.2 -> 1.5.0 (2 times)`

Commands: `/switchyard why canary.1` `/switchyard hold --reason "..."` `/switchyard cancel --reason "..."` `/switchyard rollback --reason "..."` `/switchyard help`

<sub>revision `aaaaaaaaaaaa` · [status page](http://page) · reproduce with `switchyard plan --app APP --fleet FLEET --deploy DEPLOY --expect 2457bf813973`</sub>\
""")


def test_a_link_alone() -> None:
    assert short(large().comment(limit=1_000)) == inline("""\
**`storefront`**: `0 of 4 waves merged` · plan `2457bf813973` · next: `canary.1: the merge request is being written`

This plan is too large for a comment: 4 waves, 212 clusters with changes, 2 groups of diffs. All of it: the [status page](http://page) and the merge requests, or `switchyard plan --app APP --fleet FLEET --deploy DEPLOY --format markdown`.

Commands: `/switchyard why canary.1` `/switchyard hold --reason "..."` `/switchyard cancel --reason "..."` `/switchyard rollback --reason "..."` `/switchyard help`

<sub>revision `aaaaaaaaaaaa` · [status page](http://page) · reproduce with `switchyard plan --app APP --fleet FLEET --deploy DEPLOY --expect 2457bf813973`</sub>\
""")


def test_many_waves_leave_room_for_the_rest() -> None:
    stages = (replace(world().world.snapshot.application.stages[1], max_at_once=1),)
    text = world(300, stages=stages).comment(preview=True, limit=30_000)

    assert "and 540 more waves. All of it: `switchyard plan" in text
    assert "```mermaid" in text
    assert "```diff" in text


@pytest.mark.parametrize("limit", [1_000, 2_500, 5_000, 60_000])
def test_every_tier_keeps_its_limit(limit: int) -> None:
    assert units(large().comment(limit=limit)) <= limit


def test_more_waves_than_people_read_are_folded() -> None:
    stages = (replace(world().world.snapshot.application.stages[1], max_at_once=1),)
    text = world(70, stages=stages).comment(preview=True)

    assert "<details><summary>80 more waves</summary>" in text
    assert text.count('"]') == 40
    assert '  w39["31 more steps"]' in text


def test_a_secret_is_told_without_its_value() -> None:
    told = world(stages=())
    old = deployment_with_secrets("s3cr3t-1")
    told.change(sources={**sources(), "web": {"main.yaml": old}}).installed()
    told.change(sources={**sources(), "web": {"main.yaml": old.replace(b"et-1", b"et-2")}})

    text = told.comment(preview=True)

    assert "s3cr3t" not in text
    assert section(text, "Changes").splitlines()[:3] == inline([])


def deployment_with_secrets(value: str) -> bytes:
    text = sources()["web"]["main.yaml"].decode()
    return f"{text}          env: [{{name: DB_PASSWORD, value: {value}}}]\n".encode()


@given(st.text())
def test_a_code_span_is_one_span_whatever_is_in_it(hostile: str) -> None:
    block = MarkdownIt().parse(f"x {code(hostile)} y")[1]
    kinds = [child.type for child in block.children or []]

    assert kinds == ["text", "code_inline", "text"]


@given(st.text(alphabet="`~ab\n<>@#", max_size=60))
def test_a_fence_holds_whatever_is_in_it(hostile: str) -> None:
    tokens = MarkdownIt().parse(f"{fence(hostile, 'diff')}\nafter")

    assert tokens[0].type == "fence"
    assert re.sub(r"\s", "", tokens[0].content) == re.sub(r"\s", "", hostile)


@given(st.text())
def test_an_address_ends_where_it_ends(hostile: str) -> None:
    block = MarkdownIt().parse(f"x {link('page', f'https://{hostile}')} y")[1]
    kinds = [child.type for child in block.children or []]

    assert kinds == ["text", "link_open", "text", "link_close", "text"]


def test_the_plan_that_a_comment_names_can_be_made_again() -> None:
    told = world()

    assert f"--expect {propose(told.world.snapshot).digest[:12]}`" in told.comment(preview=True)
