"""
Losses by epoch
===============

Fig. 2 of the paper: the joint loss L_wsl runs along the loss of one modality.
"""

import mbias

figure = mbias.plot_losses(mbias.load_example())
