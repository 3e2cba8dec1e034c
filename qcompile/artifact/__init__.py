"""adapter.pt: what it holds, writing it atomically, reading it without trusting it."""
