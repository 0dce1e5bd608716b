"""`python -m ops.reference` writes the reference pages."""

import sys

from ops.reference.pages import main

sys.exit(main())
