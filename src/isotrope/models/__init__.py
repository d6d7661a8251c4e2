"""Models, one file each; the name of the file is the name that users write.

A model builds its network from its settings and the shape of images; the rest
of the project asks ``params.modelling`` for it. One that answers with logits ``(batch, classes,
height, width)`` says so by the literal ``kind = "segmentation"``.
"""
