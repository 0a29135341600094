"""Helpers of the tests: the reference interpreter, one-operator models, shared files."""
