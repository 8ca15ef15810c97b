"""Annotation files to samples."""
