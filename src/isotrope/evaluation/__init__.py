"""Evaluations, one file each; the name of the file is the name that users write.

An evaluation is given the networks of a pack and the images of the split that it names, and returns
rows: ``seed``, settings of its own such as ``scale``, ``metric``, ``value`` and ``n``.
"""
