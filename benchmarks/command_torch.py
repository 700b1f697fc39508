"""``minidecomp train --prior mixture --alpha 5 --beta 0`` as a PyTorch script: DATA.npz OUT_FOLDER."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from .arrays import read
from .pictures import draw
from .with_torch import Step

EPOCHS = 500


def main(data: str, out: str) -> None:
    torch.set_num_threads(2)
    settings, arrays = read(data)
    step, folder = Step(settings, arrays, "cpu"), Path(out)
    folder.mkdir()
    history = []
    for _ in range(EPOCHS):
        x = step.data[torch.randperm(len(step.data))]
        prior_sample = step.vae.sample_prior(step.eps.shape)
        terms = step.vae.terms(x, torch.randn(step.eps.shape), prior_sample)
        step.adam.zero_grad()
        step.vae.loss(terms).backward()
        step.adam.step()
        history.append([terms[name].item() for name in ("log_likelihood", "kl", "regulariser")])
    torch.save({"model": step.vae.state_dict(), "adam": step.adam.state_dict()}, folder / "checkpoint.pt")
    with torch.no_grad():
        loc, scale = step.vae.posterior(step.data)
        reconstructed = step.vae.decoder(loc)[:, :2]
        generated = step.vae.decoder(step.vae.sample_prior(step.eps.shape))[:, :2]
    draw(folder, history, *(part.numpy() for part in (step.data, loc, scale, reconstructed, generated)))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
