"""Passes on the hybrid graph: folding, grouping into networks, contraction paths."""
