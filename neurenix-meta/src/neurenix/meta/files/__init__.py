"""Files: what they hold of a learner, and on what machine it was made."""
