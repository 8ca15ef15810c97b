"""Training: a recipe, batches made by worker processes, a loop that fits on a screen, and runs that can be killed and resumed."""

from limbwise.errors import require

require("torch", "train")
