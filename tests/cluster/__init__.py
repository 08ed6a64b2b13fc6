"""Tests of injector.cluster."""
