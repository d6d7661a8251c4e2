"""How far every run is, read from files: no torch, no Snakemake, no SLURM.

``reading`` reads, ``rows`` groups, ``lines`` and ``watching`` show it to people.
"""
