"""
Measures of dependence
======================

What the predictions depend on, by measure. Filled dots: inputs were changed; hollow dots: read off the network.
"""

import mbias

figure = mbias.plot_reliance(mbias.load_example())
