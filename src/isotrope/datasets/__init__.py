"""What a data set is: built once with a manifest and a preview, read back with every check.

The data sets themselves are plug-ins in ``data``; downloads and the user's files are found here.
"""
