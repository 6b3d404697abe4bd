"""Files become a graph: MovieLens, TMDB, and the sample catalogue, all through the same records and the same loader.

Each source is read twice. The first time every row is checked, bad ones go to the quarantine, and the run ends before
anything is written when there are too many; the second time what is left is written in batches that can be repeated.
"""
