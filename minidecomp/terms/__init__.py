"""The textbook: every term of the objective as plain array code, its value and its gradient side by side.

Everything runs on NumPy and on CuPy arrays. ``B`` is the batch size, ``dx`` the data's width, ``D`` the number of
latent dimensions, ``K`` the number of posterior samples. Further axes may stand before the last one (K, for example);
nothing is summed over them. Values are in nats, one for each data point; a gradient is that of the value itself (not of
a loss) and comes as a dict with an array for each argument, under the argument's name. docs/gradients.md derives them.
"""

from .regularisers import inclusive_kl, mmd

__all__ = ["inclusive_kl", "mmd"]
