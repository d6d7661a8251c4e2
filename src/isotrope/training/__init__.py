"""Training: packs of seeds, stacked where that is faster, and what survives an interruption.

``pack`` trains the seeds of a pack that are not in the store yet and writes the pack's outputs:
``stacking`` says how many seeds train at once, ``job`` trains, saves and stores them, ``loop``
takes them from step to step, ``engines`` computes a step of one seed or of a stack, ``records``
knows when a seed ends. ``resume`` keeps a seed while it is unfinished and ``store`` when it is
finished, ``signals`` ends a job politely and ``progress`` says how far it is.
"""

# Rises when the training itself gives other weights than before, whatever its parts. A part that
# a param-file may name has a revision of its own: REVISIONS in optimizers, schedules and objective.
REVISION = 1
