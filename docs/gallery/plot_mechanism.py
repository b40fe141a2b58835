"""
Trained and optimal attention
=============================

Section 5.3 of the paper: the attention that minimises L_wsl for given p_a and p_v, beside the trained one.
"""

import mbias

figure = mbias.plot_mechanism(mbias.load_example())
