"""Layers, each an ``nn.Module`` that knows no model."""

from isotrope.layers.global_max_pool import GlobalMaxPool
from isotrope.layers.peak_convolution import convolution_peak
from isotrope.layers.scale_pool import ScalePool
from isotrope.layers.scaled_convolution import SiConv2d
from isotrope.layers.spatial_transformer import SpatialTransformer

__all__ = ["GlobalMaxPool", "ScalePool", "SiConv2d", "SpatialTransformer", "convolution_peak"]
