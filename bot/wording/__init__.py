"""Titles, bodies, comments, statuses and commit messages. Pure functions.

Sentences are `Prose`: our own words, and values in them. Text that comes from manifests, clusters
or people is a value and stands in code spans or fences: there it can mention nobody, refer to
nothing and run no command. No line written here begins with `/`.
"""
