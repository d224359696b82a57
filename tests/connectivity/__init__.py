"""An oracle for connectivity: who reaches whom, read from rendered objects as networks read them.

It knows Kubernetes, Cilium, OVN, Istio, the Gateway API and the Multi-Cluster Services API, and
nothing of Switchyard: no module here but `worlds` and its tests imports the product. Every rule
names its source. `test_oracle_*` hold the oracle against answers derived by hand from these
sources; `test_worlds` holds the product against the oracle.
"""
