"""Storage in one folder: JSON documents, an append-only journal and sealed secrets.

Every file is replaced atomically or only ever appended to.
"""
