"""Published settings, each as one function: learner, tasks, optimizer, differences."""

from .characters import omniglot
from .embedding import prototypical_networks_omniglot, r2d2_omniglot
from .glyphs import glyphs, maml_glyphs, prototypical_networks_glyphs
from .gradient import (
    anil_omniglot,
    imaml_omniglot,
    maml_omniglot,
    maml_plus_plus_omniglot,
    meta_sgd_omniglot,
)
from .recipe import Recipe
from .reptile import reptile_omniglot
from .sine import conditional_neural_process_sine, maml_sine

__all__ = [
    "Recipe",
    "omniglot",
    "maml_sine",
    "conditional_neural_process_sine",
    "maml_omniglot",
    "anil_omniglot",
    "meta_sgd_omniglot",
    "maml_plus_plus_omniglot",
    "imaml_omniglot",
    "reptile_omniglot",
    "prototypical_networks_omniglot",
    "r2d2_omniglot",
    "glyphs",
    "prototypical_networks_glyphs",
    "maml_glyphs",
]
