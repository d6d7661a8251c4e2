"""One file per figure: in ``general`` for every study, in ``<study>`` for one.

A figure is drawn from tables alone and never imports torch.
"""
