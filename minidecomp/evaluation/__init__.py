"""What a trained model is worth: terms, decomposition, metrics, likelihood."""
