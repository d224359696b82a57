"""The core in one call, and the doors to the programs and libraries that it needs.

`propose` joins planners and renderers, `process` runs it in a process of its own, `discovery` finds
extensions; `highs`, `kubernetes_schemas` and `kustomize` are one door each. Nothing here reads a
forge or a database.
"""
