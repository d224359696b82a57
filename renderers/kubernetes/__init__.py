"""What Kubernetes defines: kinds and their scope, schemas, merge keys, resource requests.

Facts with their sources; policies of Switchyard are in `renderers.policy`.
"""
