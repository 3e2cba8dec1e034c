"""The torch of the operations: a file here for each file of `qcompile.ir.ops`.

`FUNCTIONS` of a file has a builder for each node that is executed as it stands: from the node and
its surroundings to a function of the operands' values and the node's tensors, in order. Values are
(B, width) for tokens, (rows, width) for tables, (width,) where there is one for all. What a module
holds is copied and pickled, so that these functions are no closures. `STEPS` has the nodes that
need the frame of a call.
"""
