from toy_runs import toys  # noqa: F401
