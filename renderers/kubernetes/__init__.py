"""What Kubernetes itself defines: kinds and their scope, schemas, merge keys, what pods request.

Facts with their source, no policy of ours.
"""
