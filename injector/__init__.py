"""A Kubernetes mutating admission webhook that injects sidecars, and says why."""
