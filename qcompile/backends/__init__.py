"""What executes or writes a plan: the torch simulator, devices, exports."""
