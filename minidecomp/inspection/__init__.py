"""Looking at gradients: which term pulls what where, whether each is right, and how it comes about."""
