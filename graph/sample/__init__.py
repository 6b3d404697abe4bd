"""The project's own sample: real films as facts written for it, and invented people who watch them.

It makes the demo and the tests work without a download; nothing in it is copied from a data set.
"""
