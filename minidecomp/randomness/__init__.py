"""Random numbers from a counter: the generator, the streams, and one step's draws."""
