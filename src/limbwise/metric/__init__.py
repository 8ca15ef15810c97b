"""People and truth to numbers."""
