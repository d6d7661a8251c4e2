"""Work on many machines: starting a head, jobs outside the graph, processes that find each other.

Snakemake and SLURM schedule; this room only starts them and speaks their languages.
"""
