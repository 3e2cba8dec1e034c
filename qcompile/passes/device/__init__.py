"""Circuits on devices: regions, placement, routing and native gates."""
