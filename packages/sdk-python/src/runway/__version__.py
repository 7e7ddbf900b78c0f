"""The version that `runway.__version__` and `/meta` report."""

__version__ = '0.6.1'
