"""Passes on circuits, independent of devices: one pass a file."""
