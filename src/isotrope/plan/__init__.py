"""What Snakemake is told: the index of all runs, what each file needs, and what is asked for.

No module here imports torch: every job of a cluster reads the Snakefile, and so this room, again.
"""
