# SPDX-License-Identifier: Apache-2.0
"""What `muster verify` says of a stream that the other oracles call whole: that it is, or that all that is lost is
accounted for."""

import json
import os
import pathlib
import subprocess

from stream_check import with_action

ROOT = pathlib.Path(__file__).resolve().parents[2]
MUSTER = os.environ.get("MUSTER", str(ROOT / "build" / "muster"))
COMPLETE, LOST = 0, 3


def check_verdict(events, muster=MUSTER):
    """Problems in words."""
    data = b"".join(json.dumps(event, separators=(",", ":")).encode() + b"\n" for event in events)
    done = subprocess.run([muster, "verify", "-"], input=data, capture_output=True, timeout=120, check=False)
    expected = LOST if with_action(events, "events-lost") else COMPLETE
    return [] if done.returncode == expected else [f"muster verify ends with {done.returncode}, not {expected}: {(done.stdout + done.stderr).decode()}"]
