"""The folder of a pack, which one process at a time may write.

What lies in it, what is done, and who is at work on it is known here and nowhere else.
"""
