"""The kernel of Cinegraph: settings, domain types, errors, plugins; and the composition root (`cli`, `app`)."""

__version__ = "0.1.0"
