"""
Attention over training
=======================

The mean attention on audio, epoch by epoch, as means over seeds.
"""

import mbias
from mbias.plots.attention import plot_movement

study = mbias.load_example()
figure = plot_movement(mbias.attention(study, table="movement"))
