"""Injecting a pod that was injected before: its record, its overrides, and what an injection has to undo."""
