"""One tensor network for each expectation value, over its light cone."""
