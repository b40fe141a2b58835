"""
Attention of every category and setting
=======================================

One cell per category and setting: the mean attention on audio.
"""

import mbias
from mbias.plots.attention import plot_heatmap

study = mbias.load_example()
figure = plot_heatmap(mbias.attention(study, table="categories"))
