"""Trainer ``r``: an R script with functions train, test and predict, run by ``Rscript``."""
