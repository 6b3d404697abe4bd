"""The models, one a file; `recommenders/registry.py` is the list of them."""
