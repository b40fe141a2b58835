"""
Attention of one category
=========================

The attention of one category at the first and the last epoch: its median, and how far it spreads over segments.
"""

import pandas as pd

import mbias
from mbias.plots import distribution

run = mbias.load_example().select(variant="across_vcross", smoothing="ls_v").runs[0]
table = pd.concat(mbias.attention(run, table="categories", epoch=epoch) for epoch in (1, 5))
figure = distribution.figure(table[table["category"] == "Speech"], epoch=5)
