"""Gates merged into sweeps over the states of all tokens, in eager torch."""
