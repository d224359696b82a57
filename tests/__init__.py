"""Tests: unit, properties, stories, conformance, fakes, golden."""
