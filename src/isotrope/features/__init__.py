"""Features of images for scikit-learn: transformers without weights, arrays in and arrays out.

They are for who has fifty images and a support vector machine. They need no run, data set or
param-file; what they compute are layers of `isotrope.layers`.
"""

from isotrope.features.riesz_features import RieszFeatures
from isotrope.features.scattering_features import ScatteringFeatures

__all__ = ["RieszFeatures", "ScatteringFeatures"]
