"""Adapters of qcompile in programs that train from a configuration file.

One module for each program, imported by that program alone.
"""
