"""A JAX script that does what ``minidecomp train --prior mixture --alpha 5 --beta 0`` does: DATA.npz OUT_FOLDER."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .arrays import read
from .pictures import draw
from .with_jax import Model, adam, mlp

EPOCHS = 500


def main(data_file: str, out: str) -> None:
    settings, arrays = read(data_file)
    model, folder = Model(settings, arrays), Path(out)
    folder.mkdir()
    data, parameters = jnp.asarray(arrays["data"]), model.parameters
    shape = data.shape[0], settings["decoder_widths"][0]

    @jax.jit
    def train(parameters: Any, state: Any, key: jax.Array) -> Any:
        def epoch(carry: Any, t: jax.Array) -> Any:
            parameters, state = carry
            of_order, of_eps, of_prior = jax.random.split(jax.random.fold_in(key, t), 3)
            x, eps = jax.random.permutation(of_order, data), jax.random.normal(of_eps, shape)
            prior_sample = model.sample_prior(of_prior, shape)
            (_, terms), gradient = jax.value_and_grad(model.loss, has_aux=True)(parameters, x, eps, prior_sample)
            return adam(parameters, gradient, state, t + 1, settings["lr"]), jnp.stack(
                [terms[name] for name in ("log_likelihood", "kl", "regulariser")]
            )

        return jax.lax.scan(epoch, (parameters, state), jnp.arange(EPOCHS))

    state = [(jnp.zeros_like(p),) * 3 for p in jax.tree.leaves(parameters)]
    (parameters, state), history = train(parameters, state, jax.random.key(0))
    leaves = jax.tree.leaves((parameters, state))
    np.savez(folder / "checkpoint.npz", *(np.asarray(leaf) for leaf in leaves))
    loc, scale = model.posterior(parameters, data)
    reconstructed = mlp(parameters["dec"], loc, settings["activations"][1])[:, :2]
    generated = mlp(parameters["dec"], model.sample_prior(jax.random.key(1), shape), settings["activations"][1])[:, :2]
    draw(folder, np.asarray(history), *(np.asarray(part) for part in (data, loc, scale, reconstructed, generated)))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
