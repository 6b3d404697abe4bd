"""Writes the tables of `README.md`, `docs/models.md` and `docs/performance.md` from what the benchmarks wrote.

    python -m benchmarks.tables [--check]

A table begins after `<!-- table: NAME -->` and ends before `<!-- end -->`. A document that is as it should be is left
alone. With `--check` nothing is written, and a document that differs is named, with exit code 1.
"""

import sys

from benchmarks.tables import main

sys.exit(main(check="--check" in sys.argv))
