"""Weights of other systems to ours: readers of their files, and, a method a file, their names to the names of our networks."""
