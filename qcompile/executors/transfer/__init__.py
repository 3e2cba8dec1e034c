"""Circuits under a device's noise, on the expectation values of all Pauli strings."""
