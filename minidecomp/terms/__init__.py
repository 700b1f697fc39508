"""The textbook: every term of the objective as plain array code, its value and its gradient side by side.

Everything runs on NumPy and on CuPy arrays. ``B`` is the batch size, ``dx`` the data's width, ``D`` the number of
latent dimensions, ``K`` the number of posterior samples. Arrays may have further axes before the last one (K, for
example); no function sums over them. Values are in nats, one for each data point. Gradients are those of the value
itself (not of a loss), in a dict that maps each argument's name to an array. docs/gradients.md derives them.
"""

from .regularisers import inclusive_kl, mmd

__all__ = ["inclusive_kl", "mmd"]
