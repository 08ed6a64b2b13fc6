"""Tests of reinjection: records, overrides and undoing."""
