"""Trained networks and their evaluations: those of a job in one process, seed after seed.

What was measured before is found by its digest and not computed again; a job that is killed keeps
the seeds that were done, and the position of a long evaluation.
"""
