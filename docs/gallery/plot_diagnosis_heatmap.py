"""
The balance of every category
=============================

One cell per category and setting: 1 where the outputs depend on audio alone, -1 where they depend on visual alone.
"""

import mbias
from mbias.plots.diagnosis import plot_heatmap

study = mbias.load_example()
figure = plot_heatmap(mbias.diagnosis(study, table="categories"))
