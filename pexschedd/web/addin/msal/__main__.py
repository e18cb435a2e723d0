"""The program that installs the library: `python -m pexschedd.web.addin.msal`."""

import sys

from pexschedd.web.addin.msal.download import main

sys.exit(main(sys.argv[1:]))
