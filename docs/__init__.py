"""Documentation, and what writes its generated part."""
