"""Tests of what `injector serve` puts together."""
