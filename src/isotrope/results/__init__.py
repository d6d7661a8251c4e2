"""From the results of packs to choices, tables, comparisons, figures, exports and pages.

What figures of any study share is here too: panels, series, statistics, published numbers, style.
Reads files only: no module here imports torch.
"""
