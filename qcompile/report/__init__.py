"""What a compiled adapter costs, beside LoRA's numbers."""
