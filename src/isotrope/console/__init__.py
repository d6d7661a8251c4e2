"""What a person at a terminal sees and types: lines, bars, wording, arguments and completion.

Only ``printing`` prints; everything else in the project hands it lines.
"""
