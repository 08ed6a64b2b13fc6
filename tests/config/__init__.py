"""Tests of injector.config."""
