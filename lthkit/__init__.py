"""lthkit: lottery tickets in pre-trained vision models, found, stored and looked at.

Every room is a submodule (see the README's map); names below are loaded on first use, so that importing
lthkit costs hardly more than importing torch.
"""
