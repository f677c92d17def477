"""Classification: from a few labelled images a classifier, and a file that holds it."""
