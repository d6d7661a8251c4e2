"""What only one study knows, a folder for each: its cells and their order, exports, importers.

No other room imports from here, but ``figures/<study>`` its study's cells.
"""
