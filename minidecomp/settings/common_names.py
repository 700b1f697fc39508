"""Names that other libraries have for our options, and the error for an option that does not exist."""

from __future__ import annotations

from collections.abc import Container, Iterable

from ..errors import UnknownOption, most_similar, nearest

# Keras, PyTorch, scikit-learn and the authors' code.
NAMES = {
    "lr": "learning_rate learning_rate_init lrate eta step_size",
    "epochs": "n_epochs num_epochs nb_epochs max_epochs epoch max_iter n_iter passes",
    "batch_size": "batch batchsize bs minibatch_size mini_batch_size",
    "latent_dim": "latent latents latent_dims latent_size n_latent z_dim zdim nz z n_components encoding_dim",
    "hidden": "hidden_dim hidden_dims hidden_size hidden_sizes hidden_units hidden_layers hidden_layer_sizes "
    "num_hidden_layers layers units encoder_hidden width widths",
    "decoder_hidden": "decoder_dims decoder_layers",
    "activation": "nonlinearity non_linearity activation_fn act",
    "init": "initializer initialization kernel_initializer weight_init",
    "seed": "random_state random_seed rng_seed manual_seed",
    "threads": "n_jobs num_threads n_threads num_workers workers jobs",
    "engine": "device backend cuda gpu use_cuda no_cuda",
    "dtype": "precision float_type",
    "data": "dataset data_set input train_data",
    "limit": "max_points n_points subset",
    "validation_fraction": "validation_split val_split val_fraction valid_fraction validation_size",
    "test_fraction": "test_size test_split",
    "early_stopping": "patience n_iter_no_change",
    "monitor": "metric_to_monitor",
    "prior_variance_scale": "prior_scale prior_std",
    "samples": "k n_samples num_samples mc_samples iwae_samples",
    "regulariser": "regularizer regularisation regularization divergence",
    "beta": "kl_weight beta_kl",
    "alpha": "mmd_weight regularisation_weight regularization_weight",
    "beta_warmup": "warmup warm_up kl_warmup kl_annealing",
    "lr_schedule": "scheduler_type lr_scheduler learning_rate_schedule lr_decay",
    "likelihood": "loss reconstruction_loss observation_model decoder_distribution",
    "from_run": "warm_start pretrained init_from",
    "checkpoint_every": "save_every save_freq checkpoint_frequency",
    "log": "logger loggers report_to",
}  # fmt: skip
SYNONYMS = {synonym: name for name, synonyms in NAMES.items() for synonym in synonyms.split()}
LIKENESS_OF_SYNONYMS = 0.85
# What people ask for that is not there.
NOT_THERE = {
    "optimizer": "minidecomp always trains with Adam; see `--lr` and `--amsgrad`",
    "optimiser": "minidecomp always trains with Adam; see `--lr` and `--amsgrad`",
    "momentum": "minidecomp always trains with Adam; see `--lr` and `--amsgrad`",
    "dropout": "the networks have no dropout",
    "weight_decay": "training has no weight decay",
}


def unknown_option(name: str, known: Iterable[str]) -> UnknownOption:
    """The error for a name that is not an option, with the option that was probably meant.

    Parameters
    ----------
    name : str
        What was given, with ``-`` or ``_``.
    known : iterable of str
        The options there, as in Python.
    """
    options = list(known)
    word = name.lower().replace("-", "_")
    if word in NOT_THERE:
        return UnknownOption(name, hint=NOT_THERE[word])
    if (meant := meaning(word, options)) is not None:
        return UnknownOption(name, meant, is_synonym=True)
    near = nearest(word, options)
    if near is None:
        near = meaning(most_similar(word, SYNONYMS, LIKENESS_OF_SYNONYMS) or "", options)
    return UnknownOption(name, near or "")


def meaning(word: str, options: Container[str]) -> str | None:
    """The option that a common name stands for, if it is there."""
    meant = SYNONYMS.get(word)
    return meant if meant in options else None
