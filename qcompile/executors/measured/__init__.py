"""Circuits whose expectation values come from elsewhere, with gradients from values alone."""
