"""A whole circuit in one call of a compiled library, forward and backward."""
