"""
Attention by category
=====================

Fig. 3 of the paper: which modality the attention W_av favours, category by category, without label smoothing and with
smoothed visual labels. The dot is the median over segments, the thick line holds half of them.
"""

import mbias

study = mbias.load_example()
figure = mbias.plot_attention(study.select(variant="across_vcross"))
