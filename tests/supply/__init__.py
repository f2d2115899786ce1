"""The supply chain: lock files, base image, workflows and bills of materials."""
