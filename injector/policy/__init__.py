"""Templates as Kubernetes' admission policies, in CEL: no webhook where none is needed."""

from injector.policy.render import Policy, PolicyFault, PolicyFaults, policies, say

__all__ = ["Policy", "PolicyFault", "PolicyFaults", "policies", "say"]
