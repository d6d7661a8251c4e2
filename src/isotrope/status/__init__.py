"""How far every run is, read from files: no torch, no Snakemake, no SLURM.

``looking`` reads, ``rows`` sums up, ``lines`` and ``watching`` show it to people.
"""
