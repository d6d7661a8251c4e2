"""Trained networks and their evaluations: all evaluations of a pack in one process.

What was measured before is found by its digest and not computed again.
"""
