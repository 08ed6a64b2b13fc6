"""Fuzzing: what comes from outside, mutated."""
