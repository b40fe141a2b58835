"""
Losses without the floor of smoothing
=====================================

Label smoothing alone lifts a loss. Without this floor, one sees how well each modality fits its labels.
"""

import mbias

figure = mbias.plot_losses(mbias.load_example(), kind="excess")
