"""Policies for tenants: what a tenant may write, checked on the final objects after all patches.

One file for each kind of rule. A rule reports what is wrong and where; nothing here modifies an
object. `tenancy` combines the rules; schema validation is in `renderers.validate`.
"""
