"""docs/evidence.md out of results: tables, plots, and sentences that the numbers carry."""
