"""Oracles of the operations: a file here for each that has one of its own.

`VALUES` says, in numpy and float64, what a node means: (node, values of its operands, its tensors)
→ its value. Nothing here shares code with the compiler or its back ends. `RANDOM_NODE` draws a node
for the random programs on which passes and back ends are tested.
"""
