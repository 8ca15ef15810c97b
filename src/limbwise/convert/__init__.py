"""Weights of other systems to ours: readers of their files, and, a method a file, their names to the names of our networks."""

from limbwise.errors import require

require("torch", "train")
