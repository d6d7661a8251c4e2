"""Training: one loop for one seed, packs of seeds, and what survives an interruption.

``pack`` trains the seeds of a pack that are not in the store yet and writes the pack's outputs;
``loop`` is the training of one seed, ``resume`` keeps it while it is unfinished and ``store`` when
it is finished, ``signals`` ends a job politely and ``progress`` says how far it is.
"""

REVISION = 1  # rises when the same settings give other weights than before
