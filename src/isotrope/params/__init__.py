"""Param-files: from YAML to checked settings, or to every mistake with its file, line and column.

Reads and checks words; what the settings mean is the affair of the rooms above.
"""
