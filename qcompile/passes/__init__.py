"""From a specification to a plan: lowering, rewriting, planning."""
