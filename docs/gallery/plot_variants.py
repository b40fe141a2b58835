"""
Scores by variant
=================

Table 1 of the paper as a figure: F-scores of the variants, as means over seeds with 95 % intervals.
"""

import mbias

study = mbias.load_example()
figure = mbias.plot_variants(study.select(smoothing="ls_v", mitigation="none"))
