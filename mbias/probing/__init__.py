"""What a trained network predicts when a modality is replaced."""
