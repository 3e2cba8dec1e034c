"""Gate programs on a GPU, by kernels in Triton."""
