"""The messages, one module a phase."""
