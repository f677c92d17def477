"""Colours, markers and dashes: told apart without colour vision, on white and black."""

from __future__ import annotations

# Okabe and Ito's (2008), without those that vanish on white; the last is between them.
# Each has a contrast of 3 : 1 or more against white and against near black.
BLUE, VERMILLION, GREEN = "#0072B2", "#D55E00", "#009E73"
PURPLE, GREY, OCHRE = "#CC79A7", "#808080", "#A6761D"
COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, OCHRE, GREY)

# As many as colours and more: a seventh class repeats a colour with another marker.
MARKERS = ("o", "s", "^", "D", "v", "P", "X")


def colour(number: int) -> str:
    return COLOURS[number % len(COLOURS)]


def marker(number: int) -> str:
    return MARKERS[number % len(MARKERS)]
