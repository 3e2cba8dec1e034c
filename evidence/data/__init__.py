"""Texts to learn from: where they come from and how they are divided."""
