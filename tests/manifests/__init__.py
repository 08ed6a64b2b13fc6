"""Tests of manual injection."""
