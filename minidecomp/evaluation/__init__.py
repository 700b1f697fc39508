"""How good a trained model is: terms, decomposition, metrics, likelihood."""
