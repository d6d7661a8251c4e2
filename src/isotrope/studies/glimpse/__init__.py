"""The glimpse study: a fovea that moves over the image, and what attacks make of it.

Source: Kiritani and Ono, "Recurrent Attention Model with Log-Polar Mapping is Robust against
Adversarial Attacks", 2020, https://arxiv.org/abs/2002.05388.
"""
