"""The scale study: does a network trained at some sizes know the thing at others?

Source: Altstidl et al., "Just a Matter of Scale?", 2022, https://arxiv.org/abs/2211.10288.
"""
