"""Pictures of a run, ready for a paper; they need matplotlib, which the ``plots`` extra installs.

All functions except ``available`` and ``density_on_grid`` raise ``MinidecompError`` without matplotlib. They return
figure objects: they open no window and change neither matplotlib's back end nor its settings.
"""

from .activity import class_activity, class_magnitudes
from .against_option import value_against_option
from .beside import curves_beside_others
from .by_name import PICTURES, picture
from .comparison import data_and_reconstructions, samples
from .curves import TERM_LABELS, learning_curves
from .differences import differences_with_intervals
from .gradients import difference_errors, draw_gradient_log, gradient_curves, gradient_field, write_field_animation
from .grid import panel_grid
from .of_run import (
    FORMATS,
    check_classes,
    check_formats,
    check_picture_file,
    draw_all,
    draw_curves,
    draw_model,
    test_points,
)
from .posterior import aggregate_posterior, density_on_grid
from .scores import loss_against_score
from .strips import Strip
from .style import available, import_matplotlib_meanwhile, missing, write_figure
from .traversals import latent_traversals, write_animation

__all__ = [
    "FORMATS",
    "PICTURES",
    "TERM_LABELS",
    "Strip",
    "aggregate_posterior",
    "available",
    "check_classes",
    "check_formats",
    "check_picture_file",
    "class_activity",
    "class_magnitudes",
    "curves_beside_others",
    "data_and_reconstructions",
    "density_on_grid",
    "difference_errors",
    "differences_with_intervals",
    "draw_all",
    "draw_curves",
    "draw_gradient_log",
    "draw_model",
    "gradient_curves",
    "gradient_field",
    "import_matplotlib_meanwhile",
    "latent_traversals",
    "learning_curves",
    "loss_against_score",
    "missing",
    "panel_grid",
    "picture",
    "samples",
    "test_points",
    "value_against_option",
    "write_animation",
    "write_field_animation",
    "write_figure",
]
