"""The Hybrid Attention Network (HAN) of the paper: network, losses and weights."""
