"""Samples to samples: moved, recoloured, covered, put together."""
