"""What adapters are tried on: a frozen model, data, a loss, a judgement."""
