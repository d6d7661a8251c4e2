"""The cells of the study of rods: a model at a level of noise."""

from isotrope.results.cells import Cells

CELLS = Cells(settings={"noise": "dataset.noise"}, order={"noise": ("10", "40")})
