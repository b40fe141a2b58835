"""
Two studies compared
====================

Differences between the same network without and with smoothed visual labels, paired by seed. A filled dot holds at 5 %
after Holm's correction for all quantities.
"""

import mbias

study = mbias.load_example().select(variant="across_vcross")
figure = mbias.plot_compare(study.select(smoothing="no_ls"), study.select(smoothing="ls_v"))
