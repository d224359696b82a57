"""Rules of the API server for built-in kinds, beyond their schemas: one file per family of kinds.

Each module describes the objects of its family with the checks of `checks`; `registry` finds the
description of a kind. The sources are the validation packages of the API server,
`k8s.io/kubernetes/pkg/apis/<group>/validation`, and the documentation of the fields. Messages name
fields and allowed values but never a value of the object, which may be a Secret. Nothing here
needs other objects, another cluster, or the tenant: those checks are in `renderers.policy`.
"""
