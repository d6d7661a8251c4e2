"""The log-polar study: rotation and scale as shifts of a log-polar map, at every pixel.

Sources: "Deep Log-Polar Networks", the author's code and result files; Esteves, Allen-Blanchette,
Zhou and Daniilidis, "Polar Transformer Networks", ICLR 2018, https://arxiv.org/abs/1709.01889.
"""
