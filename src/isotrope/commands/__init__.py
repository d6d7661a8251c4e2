"""The commands of ``isotrope``, one file per group; the only modules that print.

Each command takes words, calls one room, and says what was done.
"""
