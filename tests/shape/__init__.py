"""The project about itself: layers, sizes, words, and documents that agree with the code."""
