"""Circuits to and from pytket; the one place that knows its types. pytket is imported lazily."""
