#!/bin/sh
# A folder with a Debian that has Blender and a screen without a screen: chroot.sh SUITE FOLDER, as root. sid has the newest Blender, trixie 4.3.
# Where it cannot be made (no debootstrap, no network, a suite that does not install today) this says so in one line and ends well: run.py says the rest.
set -eu
suite=$1 folder=$2
packages="blender python3-numpy xvfb xauth xdotool imagemagick libgl1-mesa-dri libegl1"

[ -x "$folder/usr/bin/blender" ] && [ -x "$folder/usr/bin/xdotool" ] && exit 0
mirror=$(sed -n 's/^URIs: *\([^ ]*\).*/\1/p; s/^deb \(\[[^]]*\] *\)\?\([^ ]*\).*/\2/p' /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | head -n 1)
log=$(mktemp)
make() {
    debootstrap --variant=minbase "$suite" "$folder" ${mirror:+"$mirror"}
    cp /etc/resolv.conf "$folder/etc/" && cp -r /etc/apt/apt.conf.d/. "$folder/etc/apt/apt.conf.d/"
    chroot "$folder" env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $packages
}
if make >"$log" 2>&1; then
    mountpoint -q "$folder/proc" || mount -t proc proc "$folder/proc"
else
    echo "Blender of Debian $suite cannot be installed here today: $(grep -v '^ *$' "$log" | tail -n 1)"
    rm -f "$folder/usr/bin/blender"
fi
rm -f "$log"
