"""Commands of `neurenix`, found by the entry-point group `neurenix.commands`."""
