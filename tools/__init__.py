"""Generators of documentation, schema and chart files; not part of the wheel."""
