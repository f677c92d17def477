"""Weights: trained learners that the package ships, each with a card that says how."""
