"""Every test of a shipped template runs both ways."""

from tests.support import both_ways

__all__ = ["both_ways"]
