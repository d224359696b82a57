"""Every sentence people read: titles, bodies, comments, statuses, commit messages. Pure functions.

Text that comes from manifests, clusters or people goes into code spans or fences, never bare: there
it can mention nobody, refer to nothing and run no command. No line written here begins with `/`.
"""
