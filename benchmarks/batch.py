"""A night's batch in one command: how fast, in how much memory, and does it survive being killed?

    python -m benchmarks.batch [--shared ../shared] [--lines 1000] [--jobs 2] [--broken 20]

Bakes the lines once undisturbed, then again into another folder, killed twice at random and resumed; the two folders must be equal byte for byte.
Then some of them onto a disk that is too small, which then gets room: no line that was done may be lost. Where this process may mount one.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from benchmarks import SHARED

MOUNT = shutil.which("mount")
FEW = 12


def main() -> int:
    """Print the figures; 1 where the folders differ."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=SHARED)
    parser.add_argument("--lines", type=int, default=1000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--broken", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        manifest = _manifest(folder, options.shared, lines=options.lines, broken=options.broken)
        took, peak, code = _run(manifest, folder / "whole", jobs=options.jobs)
        print(f"{options.lines} lines, {options.broken} of them broken, {options.jobs} processes: {60 * options.lines / took:.0f} lines a minute")
        print(f"peak memory of all processes {peak / 1e6:.0f} MB (proportional set size); exit code {code}")
        for _ in range(2):
            after = random.Random(len(os.listdir(folder))).uniform(0.2, 0.4) * took  # noqa: PTH208
            _run(manifest, folder / "killed", jobs=options.jobs, kill_after_s=after)
        _run(manifest, folder / "killed", jobs=options.jobs)
        same = _contents(folder / "whole") == _contents(folder / "killed")
        print(f"killed twice and resumed: {len(_contents(folder / 'killed'))} files, {'equal byte for byte' if same else 'DIFFERENT'}")
        lost = _full_disk(folder, manifest)
        return 0 if same and not lost and code == bool(options.broken) else 1


def _full_disk(folder: Path, manifest: Path) -> bool:
    """Bake the first FEW lines onto half the disk that they need, then onto one with room; whether anything was lost."""
    few, disk = folder / "few.csv", folder / "disk"
    few.write_text("\n".join(manifest.read_text("utf-8").splitlines()[: 1 + FEW]), "utf-8")
    _run(few, folder / "roomy", jobs=2)
    wanted = _faces(folder / "roomy")
    disk.mkdir()
    mounted = subprocess.run(_mount(disk, sum(map(len, wanted.values())) // 2), stderr=subprocess.DEVNULL, check=False) if MOUNT else None
    if mounted is None or mounted.returncode:
        print("full disk: not tried, since this process may not mount one; run it as root on Linux")
        return False
    try:
        told = _told(few, disk)
        full = [each for each in told if "make room there" in each["message"]]
        kept = _faces(disk)
        subprocess.run(_mount(disk, 4 * sum(map(len, wanted.values())), "remount,"), check=True)
        again = _told(few, disk)
        lost = any(wanted[name] != content for name, content in kept.items()) or _faces(disk) != wanted
        lost |= [each["status"] for each in again].count("skipped") < len(kept) or not full
        print(f"full disk: of {len(told)} lines {len(kept)} were done, {len(full)} had no room")
        print(full[0]["message"] if full else "nobody said that there is none")
        print(f"with room again: {len(kept)} skipped, the rest done, {'SOMETHING IS LOST' if lost else 'nothing lost'}")
    finally:
        subprocess.run(["umount", "--lazy", disk], check=False)
    return lost


def _mount(disk: Path, size: int, how: str = "") -> list[str]:
    return [str(MOUNT), "-t", "tmpfs", "-o", f"{how}size={size}", "tmpfs", str(disk)]


def _told(manifest: Path, out: Path) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "a2f_addon", "bake", "--manifest", str(manifest), "-o", str(out), "--jobs", "2", "--json"]
    ended = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    return [json.loads(line) for line in ended.stdout.splitlines()]


def _faces(folder: Path) -> dict[str, bytes]:
    return {name: content for name, content in _contents(folder).items() if name.endswith(".csv")}


def _manifest(folder: Path, shared: Path, *, lines: int, broken: int) -> Path:
    """A list of clips of every corpus, and broken files among them."""
    clips = sorted((shared / "speech").resolve().glob("*/clips/*.opus"))
    random.Random(0).shuffle(clips)
    chosen = clips[: lines - broken]
    for number in range(broken):
        bad = folder / f"broken_{number}.opus"
        bad.write_bytes(clips[number].read_bytes()[: 40 * number])
        chosen.append(bad)
    random.Random(1).shuffle(chosen)
    path = folder / "lines.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([("speech", "output"), *((clip, f"{number:05d}.csv") for number, clip in enumerate(chosen))])
    return path


def _run(manifest: Path, out: Path, *, jobs: int, kill_after_s: float | None = None) -> tuple[float, int, int]:
    """Seconds, peak bytes and exit code of a run, killed on the way where asked for."""
    command = [sys.executable, "-m", "a2f_addon", "bake", "--manifest", str(manifest), "-o", str(out), "--jobs", str(jobs)]
    begun = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    peaks = [0]
    threading.Thread(target=_watch, args=(process, peaks), daemon=True).start()
    try:
        process.wait(kill_after_s)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
    return time.monotonic() - begun, peaks[0], process.returncode


def _watch(process: subprocess.Popen[bytes], peaks: list[int]) -> None:
    while process.poll() is None:
        peaks[0] = max(peaks[0], sum(_pss(pid) for pid in _session(process.pid)))
        time.sleep(0.25)


def _session(leader: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and os.getsid(int(entry.name)) == leader:
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def _pss(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines()
    except OSError:
        return 0
    return sum(1024 * int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


if __name__ == "__main__":
    sys.exit(main())
