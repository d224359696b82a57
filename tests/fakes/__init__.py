"""Whole fakes and builders: worlds that cannot be in an impossible state."""
