"""Layers, each an ``nn.Module`` that knows no model."""

from isotrope.layers.adaptive_blur import AdaptiveBlur
from isotrope.layers.batch_norm import BatchNorm1d, BatchNorm2d
from isotrope.layers.blur import BinomialBlur, BlurPool
from isotrope.layers.column_convolution import ColumnConv2d
from isotrope.layers.downsampling import AveragePool, Decimation, Downsampling, Selection
from isotrope.layers.fourier_correlation import fourier_correlation
from isotrope.layers.foveal_sensor import Fovea, FovealSensor
from isotrope.layers.global_average_pool import GlobalAveragePool
from isotrope.layers.global_max_pool import GlobalMaxPool
from isotrope.layers.ideal_downsample import IdealDownsample, PolynomialActivation
from isotrope.layers.log_polar import log_polar
from isotrope.layers.log_polar_convolution import LPConv
from isotrope.layers.log_polar_inverse import from_log_polar
from isotrope.layers.log_polar_transform import LogPolarTransform
from isotrope.layers.multiscale_convolution import MultiscaleConv2d
from isotrope.layers.patch_sensor import PatchSensor
from isotrope.layers.peak_convolution import convolution_peak, convolution_peaks
from isotrope.layers.pole_padding import PolePadding
from isotrope.layers.polyphase import APS, LPD, LPU, APSUp
from isotrope.layers.recurrent_cell import RecurrentCell
from isotrope.layers.riesz import Riesz2d, riesz_features
from isotrope.layers.scale_pool import ScalePool
from isotrope.layers.scaled_convolution import SiConv2d
from isotrope.layers.scattering import Scattering2d
from isotrope.layers.shift_invariant import forced, shift_invariant
from isotrope.layers.spatial_transformer import SpatialTransformer
from isotrope.layers.steerable_convolution import SteerableConv2d
from isotrope.layers.tips import TIPS
from isotrope.layers.volume_convolution import largest_over_depth, volume_peak
from isotrope.layers.wrapping import PaddedConv2d

__all__ = [
    "AdaptiveBlur",
    "APS",
    "APSUp",
    "AveragePool",
    "BatchNorm1d",
    "BatchNorm2d",
    "BinomialBlur",
    "BlurPool",
    "ColumnConv2d",
    "Decimation",
    "Downsampling",
    "Fovea",
    "FovealSensor",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "IdealDownsample",
    "LPConv",
    "LPD",
    "LPU",
    "LogPolarTransform",
    "MultiscaleConv2d",
    "PaddedConv2d",
    "PatchSensor",
    "PolePadding",
    "PolynomialActivation",
    "RecurrentCell",
    "Riesz2d",
    "ScalePool",
    "Scattering2d",
    "Selection",
    "SiConv2d",
    "SpatialTransformer",
    "SteerableConv2d",
    "TIPS",
    "convolution_peak",
    "convolution_peaks",
    "forced",
    "fourier_correlation",
    "from_log_polar",
    "largest_over_depth",
    "log_polar",
    "riesz_features",
    "shift_invariant",
    "volume_peak",
]
