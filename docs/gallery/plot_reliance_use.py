"""
What outputs depend on
======================

How much outputs change where a modality is that of another video, its share of this change, and whether it helps.
"""

import mbias
from mbias.plots.reliance import figure_of_use

figure = figure_of_use(mbias.reliance(mbias.load_example()))
