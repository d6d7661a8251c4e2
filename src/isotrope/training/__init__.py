"""Training: packs of seeds, stacked where that is faster, and what survives an interruption.

``pack`` trains the seeds of a pack that are not in the store yet and writes the pack's outputs:
``stack_width`` says how many seeds train at once, ``job`` trains, saves and stores them, ``loop``
takes them from step to step, ``engines`` computes a step of one seed or of a stack, ``objective``
its loss and score, ``optimizers`` and ``schedules`` the new weights; ``records`` knows when a seed
ends, and ``progress`` says how far a job is.
"""

# Rises when the training itself gives other weights than before, whatever its parts. A part that
# a param-file may name has a revision of its own: REVISIONS in optimizers, schedules and objective.
REVISION = 1
