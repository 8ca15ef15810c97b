"""Samples to what a network shall put out: the inverse of decode/."""
