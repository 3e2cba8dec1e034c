"""Matrix product states: one tensor a qubit, bonds cut at a limit."""
