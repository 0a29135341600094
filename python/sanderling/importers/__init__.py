"""Readers of model files: file -> ir."""
