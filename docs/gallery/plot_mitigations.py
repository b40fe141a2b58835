"""
What a mitigation changes
=========================

Score against the use of the weaker modality, each beside the same network without a mitigation, paired by seed.
"""

import mbias

study = mbias.load_example()
figure = mbias.plot_mitigations(study.select(variant="across_vself"))
