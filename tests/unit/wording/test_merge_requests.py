"""The body of a deploy merge request: short, with a way home, and the diffs of its own clusters."""

from inline_snapshot import snapshot as inline

from bot.wording import merge_requests as words
from bot.wording.diffs import diffs_of
from bot.wording.markdown import units
from tests.fakes.comments import assert_dead, read
from tests.fakes.states import large

LINKS = "[Status page](http://page). It comes from [shop/storefront!7](http://forge/7)."


def test_the_body_of_a_wave_says_what_and_leads_home() -> None:
    told = large()
    proposal = told.proposal()
    change = next(each for each in proposal.changes if each.wave.name == "canary.2")
    blobs = {**told.blobs, **proposal.contents}
    body = words.body(
        proposal.plan,
        proposal.digest,
        change,
        diffs_of([change], blobs),
        links=LINKS,
        marker="<!-- switchyard:home x " + "0" * 64 + " -->",
    )

    assert words.title(proposal.plan, change) == inline("storefront canary.2: roll out web on c1")
    assert body == inline("""\
<!-- switchyard:home x 0000000000000000000000000000000000000000000000000000000000000000 -->

Wave `canary.2` of `storefront`: 1 configured on 1 cluster. 1 file unchanged.

Switchyard merges this merge request when all its gates are open; the status `switchyard/order` shows the first closed gate. [Status page](http://page). It comes from [shop/storefront!7](http://forge/7).

<details><summary>1 cluster (<code>c1</code>): <code>replicas 2 -&gt; 0</code>, <code>image 1.4.2 -&gt; 1.5.0</code> · scale to zero</summary>

- `Deployment web`: `replicas 2 -> 0`
- `Deployment web`: `containers[main].image 1.4.2 -> 1.5.0`

```diff
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

<sub>plan `d89160041192` · wave `0b25582f4498` · revision `aaaaaaaaaaaa` of `local:shop/storefront`</sub>\
""")
    assert_dead(read(body.replace(LINKS, "")))


def test_the_body_of_a_large_wave_is_bounded_and_says_where_the_rest_is() -> None:
    told = large()
    proposal = told.proposal()
    change = proposal.changes[3]
    blobs = {
        name: content + b"# " + b"x" * 80_000 + b"\n"
        for name, content in {**told.blobs, **proposal.contents}.items()
    }
    body = words.body(
        proposal.plan, proposal.digest, change, diffs_of([change], blobs), links=LINKS, marker=""
    )

    assert units(body) < 60_000
    assert "See the changes of this merge request." in body
    assert "5 of 211 clusters" not in body
    assert "4 of 211 clusters" in body
