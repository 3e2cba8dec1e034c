"""Plans as torch modules that simulate their circuits exactly, with gradients."""
