"""Many runs: their definition, plan, training, probing and status."""
