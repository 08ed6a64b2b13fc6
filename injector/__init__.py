"""A Kubernetes mutating admission webhook that injects sidecars, and says why."""

__version__ = "0.1.0"
