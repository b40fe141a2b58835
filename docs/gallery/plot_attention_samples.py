"""
Attention of one category by video
==================================

How the attention differs between videos with and without the category.
"""

import mbias
from mbias.plots import distribution

run = mbias.load_example().select(variant="across_vcross", smoothing="ls_v").runs[0]
category = run.header.categories.index("Speech")
weights = run.array("wav").sel(modality="audio", category="Speech").mean("segment")
table = weights.to_dataframe("attention").reset_index()
table["present"] = run.truth["weak"][:, category]
figure = distribution.figure_of_samples(table.assign(epoch=5, simulated=True))
