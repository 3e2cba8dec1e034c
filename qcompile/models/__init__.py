"""Sizes of models, read from transformers configurations without weights."""
