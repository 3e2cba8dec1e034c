"""A comparison of all families of adapters on the same tasks, by one protocol.

`make evidence`, or `python -m evidence --help`; docs/evidence.md says what it measures and found.
"""
