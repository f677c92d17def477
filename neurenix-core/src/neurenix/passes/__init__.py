"""From a captured program to one that a backend runs; `pipeline` has the order."""
