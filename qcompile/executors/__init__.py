"""Ways to run a circuit, a folder for each."""
