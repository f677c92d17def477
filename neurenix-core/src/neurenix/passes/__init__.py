"""Passes that turn a captured program into one that a backend runs; `pipeline` has
their order."""
