"""Errors of compiled circuits under devices' noise models, beside other compilers."""
