"""A run as one HTML page that needs no network: settings, curves, evaluation, and the decoder, which runs in it."""

from .page import write_report

__all__ = ["write_report"]
