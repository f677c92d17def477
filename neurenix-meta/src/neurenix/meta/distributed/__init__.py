"""Training and evaluation on many workers, with the bits of one process."""
