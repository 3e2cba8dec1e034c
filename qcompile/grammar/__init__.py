"""The language: from source text to a fully resolved specification."""
