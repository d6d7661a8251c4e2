"""The scattering study: wavelets that are learned from few images, and deformed images.

Source: Gauthier, Thérien, Alsène-Racicot, Chaudhary, Rish, Belilovsky, Eickenberg and Wolf,
"Parametric Scattering Networks", CVPR 2022, https://arxiv.org/abs/2107.09539.
"""
