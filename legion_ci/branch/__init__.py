"""The site of a branch or pull request: one of its own, beside the main one, gone when its build has ended."""
