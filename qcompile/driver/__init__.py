"""Source and options → compiled adapter; the only place that knows all phases together."""
