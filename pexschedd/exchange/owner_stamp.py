"""The property of the inbox that holds the owner's stamp: it is the same over EWS and
over Graph, so that installations see each other either way. Pure."""

PROPERTY_SET = "c3f5b0f2-52c5-4d0e-9b0a-6f3a2d1e8b47"
PROPERTY_NAME = "pexschedd-owner"
