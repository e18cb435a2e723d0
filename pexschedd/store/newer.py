"""What an older release finds in the files of a newer one."""


class Newer(ValueError):
    """This is sound, but says something that this release does not know."""


REMEDY = "Start the newer version that wrote it."
