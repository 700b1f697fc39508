"""Many runs: a grid of options, a folder of runs, threads or a Dask cluster to train them on."""
