"""`cinegraph serve --workers N`: a process that accepts connections, and those that answer them."""
