"""Tests of the ingress configuration."""
