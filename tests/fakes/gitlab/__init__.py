"""GitLab's dialect over the state of the local forge: REST v4, webhooks, tokens for Git.

What people do happens through the local forge; the bot sees GitLab. Source: GitLab Docs, REST API.
"""
