"""Report → str: a file per format. Nothing here decides or counts anything anew."""
