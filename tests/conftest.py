"""What holds for all tests: hypothesis asserts nothing about time, which belongs to the machine."""

from hypothesis import HealthCheck, settings

settings.register_profile("project", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("project")
