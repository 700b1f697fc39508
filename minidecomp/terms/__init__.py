"""The textbook: every term of the objective as plain array code, its value and its gradient side by side.

Everything runs on NumPy and on CuPy arrays. ``B`` is the batch size, ``dx`` the data's width, ``D`` the number of
latent dimensions; any leading axes may stand before the last one (K posterior samples, for example), over which
nothing is summed. Values are in nats, one for each data point; a gradient comes as a dict keyed by the argument's name.
"""

from .regularisers import inclusive_kl, mmd

__all__ = ["inclusive_kl", "mmd"]
