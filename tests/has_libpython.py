"""Whether a program can be linked with this Python."""

import sys
import sysconfig
from pathlib import Path

folder = Path(sysconfig.get_config_var("LIBDIR") or "")
names = {sysconfig.get_config_var(name) for name in ("LDLIBRARY", "LIBRARY")}
multiarch = folder / (sysconfig.get_config_var("MULTIARCH") or "")
found = any((place / name).is_file() for place in (folder, multiarch) for name in names if name)
sys.exit(not found)
