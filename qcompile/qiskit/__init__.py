"""Circuits as Qiskit's; the one place that knows its types. Qiskit is imported lazily.

Qiskit's qubit k is our qubit k. Qiskit writes bit strings and labels of Pauli strings with qubit 0
last, so that our most significant bit is its least significant one.
"""
