"""Ways to alter training images, one file each; the name of the file is the name that users write.

An augmentation draws its numbers for all images of an epoch at once, from a generator that the seed
and the epoch key, and alters images on the device that trains, those of all seeds together. Masks
are altered with their images.
"""
