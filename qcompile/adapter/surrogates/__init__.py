"""Classical nodes in the place of circuits, with a stated error."""
