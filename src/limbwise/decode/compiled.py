"""The house's `compiled`, under the name that it had when only decoders were compiled."""

from limbwise.compiled import compiled

__all__ = ["compiled"]
