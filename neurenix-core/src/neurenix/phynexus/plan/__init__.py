"""The plan: what a native engine runs, and how a program is lowered to it."""
