"""What the end-to-end tests stand on; README.md says how to use it."""
