"""Circuits as trigonometric polynomials of their data, without a state."""
