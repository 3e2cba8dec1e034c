"""The methods of peft that a spec computes to rounding, one file each."""
