"""The levels of the compiler as typed, frozen values: Spec, Program, Plan and their parts."""
