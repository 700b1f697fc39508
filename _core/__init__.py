"""The compiled engines and what they stand on; minidecomp/engines is their front door."""
