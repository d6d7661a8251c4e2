"""From the results of packs to choices, tables, comparisons, figures and pages.

Reads files only: no module here imports torch.
"""
