"""Renders Go templates in a WebAssembly sandbox. Start at `lazy.py`."""
