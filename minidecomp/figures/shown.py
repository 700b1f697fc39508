"""A figure that a notebook shows as it is, whether or not pyplot was imported there."""

from __future__ import annotations

import io

from matplotlib.figure import Figure


class ShownFigure(Figure):
    """matplotlib's figure, with the picture that IPython asks for where matplotlib has not told it how to make one."""

    def _repr_png_(self) -> bytes:
        file = io.BytesIO()
        self.savefig(file, format="png")
        return file.getvalue()
