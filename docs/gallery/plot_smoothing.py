"""
Scores by smoothing
===================

Table 2 of the paper as a figure: F-scores of each variant under each smoothing of labels.
"""

import mbias

figure = mbias.plot_smoothing(mbias.load_example().select(variant="across_vcross"))
