"""Keywords that a function has not: an error that names the ones it has, for those who
know them by other libraries' names."""

from __future__ import annotations

import difflib
import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from .errors import CallError

F = TypeVar("F", bound=Callable[..., Any])

# Names of one thing; the first ones are ours, whichever of them a function has.
_ALIKE = [
    "inner_lr meta_lr lr learning_rate",
    "inner_lr alpha fast_lr adapt_lr adaptation_lr inner_learning_rate inner_step_size "
    "task_lr update_lr",
    "meta_lr outer_lr beta meta_learning_rate slow_lr outer_step_size",
    "inner_steps steps num_inner_steps n_inner_steps adaptation_steps num_steps "
    "n_steps num_adaptation_steps inner_loop_steps inner_iterations num_updates "
    "update_steps",
    "ways num_classes n_way n_ways num_ways num_way way nway n_classes classes",
    "shots num_samples_per_class num_samples_per_task k_shot k_shots num_shots n_shot "
    "n_shots num_shot shot kshot num_support n_support support_size",
    "queries num_queries n_query n_queries num_query q_query query query_shots "
    "query_size num_samples_query k_query",
    "num_samples_per_task num_samples_per_class num_samples n_samples num_examples",
    "num_tasks tasks n_tasks number_of_tasks num_episodes episodes n_episodes",
    "epochs num_epochs n_epochs max_epochs iterations num_iterations n_iterations",
    "tasks_per_batch batch_size meta_batch_size task_batch_size num_tasks_per_batch "
    "tasks_per_step tasks_per_meta_batch",
    "meta_optimizer optimizer optim opt outer_optimizer outer_opt",
    "loss loss_fn criterion loss_function loss_func inner_loss",
    "model embedding_model encoder network net module backbone learner embedding",
    "distance_metric metric distance similarity",
    "first_order second_order order first_order_approximation fomaml",
    "seed random_state random_seed manual_seed rng",
    "progress verbose show_progress progress_bar",
    "validation val val_tasks validation_tasks valid_tasks eval_tasks",
    "checkpoint checkpoint_dir checkpoint_path ckpt ckpt_dir save_dir",
    "schedule scheduler lr_scheduler lr_schedule",
    "callbacks callback",
    "score monitor metric",
    "largest mode",
    "restore_best restore_best_weights",
    "support_x x x_support support_inputs support_data inputs data x_train",
    "support_y y y_support support_labels support_targets labels targets y_train",
    "dataset data data_set source",
    "inner_clip_norm max_grad_norm clip grad_clip clip_grad clip_grad_norm",
    "input_dim in_dim num_features dim x_dim",
    "steps_per_epoch iterations_per_epoch batches_per_epoch",
    "max_memory memory memory_limit",
    "remat checkpoint_gradients gradient_checkpointing",
    "regularization lam lamb lambda_ lmbda l2",
    "weight_decay wd l2",
    "eps epsilon",
    "in_channels in_planes channels_in",
    "in_features in_dim input_size",
    "out_features out_dim output_size",
    "num_embeddings vocab_size num_tokens",
    "p dropout rate drop_prob",
    "bias use_bias has_bias",
    "augment preprocess augmentation augmentations transform transforms",
    "embedding model backbone encoder feature_extractor network",
    "workers num_workers n_workers num_processes nproc_per_node world_size",
]


def alike(name: str, has: Iterable[str]) -> list[str]:
    """The function's own names that this one may mean.

    >>> alike("n_way", ["ways", "shots"]), alike("inner_step", ["inner_steps"])
    (['ways'], ['inner_steps'])
    """
    has = list(has)
    rows = [row.split() for row in _ALIKE]
    found = [own for row in rows if name in row for own in row if own in has]
    found += [own for own in has if sorted(own) == sorted(name)]  # letters swapped
    found += difflib.get_close_matches(name, has, 2, 0.75)
    return list(dict.fromkeys(found))


@functools.lru_cache(maxsize=4096)
def accepted(f: Any) -> tuple[str, ...] | None:
    """The keywords of a function, or of a class's constructor; None where it takes any.
    What `**options` hand on to the next constructor is among them, of classes of ours.
    """
    chain = [f]
    if isinstance(f, type):
        own = (vars(k).get("__init__") for k in f.__mro__ if k is not object)
        chain = [init for init in own if init is not None]
    names: list[str] = []
    for each in chain:
        try:
            parameters = list(inspect.signature(each).parameters.values())
        except (TypeError, ValueError):  # it is no Python function
            return None
        names += [
            p.name
            for p in parameters[isinstance(f, type) :]
            if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
        ]
        if all(p.kind is not p.VAR_KEYWORD for p in parameters):
            return tuple(dict.fromkeys(n for n in names if n != "self"))
        if not str(each.__module__).startswith("neurenix."):
            return None
    return None


def check_keywords(f: Any, given: Mapping[str, Any]) -> None:
    """Refuse keywords that a function, or a class's constructor, has not.

    Raises CallError with those that may be meant, and all that there are.
    """
    has = accepted(f)
    if has is None:
        return
    for name in given:
        if name not in has:
            meant = " or ".join(map(repr, alike(name, has)))
            raise CallError(
                f"{f.__name__}: there is no argument {name!r}"
                + (f"; did you mean {meant}?" if meant else ".")
                + f" It has {', '.join(has) or 'none'}"
            )


def with_known_keywords(f: F) -> F:
    """The function, which refuses other keywords by name."""

    @functools.wraps(f)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        if kwargs:
            check_keywords(f, kwargs)
        return f(*args, **kwargs)

    return wrapper  # type: ignore[return-value]
