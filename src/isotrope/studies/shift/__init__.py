"""The shift study: does a network's answer stay when the image moves by some pixels?

Source: Rojas-Gomez, Lim, Schwing, Do and Yeh, "Learnable Polyphase Sampling for Shift Invariant and
Equivariant Convolutional Networks", NeurIPS 2022, https://arxiv.org/abs/2210.08001.
"""
