"""Processes of this machine: who they are, what signals they hear, what code they run.

Knows nothing of training; leases, heads and jobs are built on it.
"""
