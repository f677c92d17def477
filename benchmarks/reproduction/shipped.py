"""The weights that neurenix.meta ships: how each is trained, and tested on what."""

from __future__ import annotations

from dataclasses import dataclass

from neurenix.meta import TaskSampler, recipes
from neurenix.meta.weights.card import Score

from .rows import ALL, Training, characters

QUERIES, SEED = 5, 0
PROTOTYPES = ((5, 1), (5, 5), (20, 1), (20, 5))
FIVE_WAY = ((5, 1), (5, 5))
CONV4 = "Conv4(), four blocks of 64 filters, max-pools, 64 features"
CONV4_OF_MAML = (
    'Conv4(ways=5, downsampling="stride"), four blocks of 64 filters, the last map\'s '
    "mean, a linear layer"
)
OMNIGLOT = (
    "Omniglot (Lake et al. 2015), the fixed Vinyals split: 1028 training characters in "
    "four rotations as four classes, 28 × 28, ink 1"
)
GLYPHS = "Glyphs(range(2000)): invented characters, 20 drawings of each, 28 × 28, ink 1"
OURS = "Apache-2.0"
OF_OMNIGLOT = f"{OURS}; Omniglot's drawings: MIT, (c) 2015 Brenden Lake"


@dataclass(frozen=True)
class Shipped:
    """How one of the weights is made.

    settings    ways and shots that it is tested at; on characters of the other data
                set 5-way alone
    tasks       how many of each; fewer where each query is run by itself, too
    """

    training: Training
    network: str
    data: str
    settings: tuple[tuple[int, int], ...]
    tasks: int = 600

    @property
    def licence(self) -> str:
        return OF_OMNIGLOT if self.training.rotated else OURS

    def scores(self, recipe: recipes.Recipe) -> list[Score]:
        found = []
        for name, test, own in (
            (
                "Omniglot's test characters",
                characters(ALL)["test"],
                bool(self.training.rotated),
            ),
            (
                "Glyphs(range(2200, 2600))",
                recipes.glyphs()["test"],
                not self.training.rotated,
            ),
        ):
            for ways, shots in self.settings if own else FIVE_WAY:
                tasks = TaskSampler(
                    test, ways, shots, QUERIES, seed=SEED, tasks=self.tasks
                )
                result = recipe.test(tasks, transductive="both")
                for one in (result, result.beside):
                    if one is None:
                        continue
                    found.append(
                        Score(
                            data=name,
                            ways=ways,
                            shots=shots,
                            accuracy=round(100 * one.accuracy, 2),
                            interval=round(100 * one.interval("accuracy"), 2),
                            tasks=one.tasks,
                            steps=one.steps,
                            transductive=one.transductive,
                        )
                    )
        return found


SHIPPED = {
    shipped.training.name: shipped
    for shipped in (
        Shipped(
            Training(
                "conv4-omniglot-protonet",
                recipes.prototypical_networks_omniglot,
                1600,
                {"decay": "cosine"},
                rotated=ALL,
            ),
            CONV4,
            OMNIGLOT,
            PROTOTYPES,
        ),
        Shipped(
            Training(
                "conv4-omniglot-maml", recipes.maml_omniglot, 2000, {}, rotated=ALL
            ),
            CONV4_OF_MAML,
            OMNIGLOT,
            FIVE_WAY,
            tasks=200,
        ),
        Shipped(
            Training(
                "conv4-glyphs-protonet",
                recipes.prototypical_networks_glyphs,
                1200,
                {"decay": "cosine", "train_ways": 20},
            ),
            CONV4,
            GLYPHS,
            PROTOTYPES,
        ),
        Shipped(
            Training("conv4-glyphs-maml", recipes.maml_glyphs, 1500, {}),
            CONV4_OF_MAML,
            GLYPHS,
            FIVE_WAY,
            tasks=200,
        ),
    )
}
