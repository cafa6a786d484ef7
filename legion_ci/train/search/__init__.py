"""Tries hyper-parameters of any trainer, in processes side by side, and finds the best by rows that training did not see."""
