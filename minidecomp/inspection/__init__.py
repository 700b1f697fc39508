"""Inspects gradients: what each term pulls where, whether each gradient is right, and how it is derived."""
