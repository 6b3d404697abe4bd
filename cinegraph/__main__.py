"""`python -m cinegraph` is `cinegraph`."""

from cinegraph.cli import main

main()
