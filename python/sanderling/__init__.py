"""Sanderling: neural networks on small computers."""
