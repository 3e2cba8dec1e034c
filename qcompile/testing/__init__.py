"""Hypothesis strategies and oracles for those who write passes and back ends."""
