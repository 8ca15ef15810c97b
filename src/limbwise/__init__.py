"""limbwise: people in images and videos, limb by limb."""

__version__ = "0.1.0"
