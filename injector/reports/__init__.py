"""Asking before it happens: what would be done to the workloads of a text, why, and with what consequences."""
