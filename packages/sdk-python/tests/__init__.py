"""Run with `python3 -W error -m unittest discover`, here or in the directory above."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
