"""Where circuits run beside torch: simulators, devices, and the jobs that reach them."""
