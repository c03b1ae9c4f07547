import sys

import cache
from local import Local

c = Local(cache.cluster_name())
getattr(c, sys.argv[1])(*([] if sys.argv[1] != "down" else ["--purge" in sys.argv]))
