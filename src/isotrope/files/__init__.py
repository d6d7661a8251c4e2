"""Files that are written whole or not at all, and read with every check.

Nothing here knows what a file is about; tables and arrays are read without torch.
"""
