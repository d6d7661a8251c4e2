"""What one job is told to do: a param-file and the words of a command line, as tasks.

Training and measuring take these tasks; neither reads a param-file itself.
"""
