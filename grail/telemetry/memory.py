"""How much memory a program has held."""

from pathlib import Path


def peak_rss_mib() -> float:
    """Peak resident memory of this program alone; getrusage would count the process that started it too. Linux."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024
