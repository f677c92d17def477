"""State: cells, which a program reads and writes, and what a program depends on."""
