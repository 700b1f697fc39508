"""Random numbers from a counter: the generator, the streams, and the draws of one step."""
