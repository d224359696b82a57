"""GitHub's dialect over the state of the local forge: REST, some GraphQL, webhooks, App tokens.

What people do happens through the local forge; the bot sees GitHub. Source: GitHub Docs, REST API.
"""
