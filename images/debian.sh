# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# debian.sh - to be sourced: make an OCI image out of Debian packages, without
# root and without installing anything, once for each state of its sources.
#
# The caller sets: name, out, packages (array).  Functions set: cache, work,
# root.  Errors are sentences that begin with the name.

die() {
    echo "$name: $*" >&2
    exit 1
}

# Take the image of an earlier run when FILEs, this file and the packages'
# versions are those of then; else make $work and an empty $root.
image_begin() { # FILE...
    local tool key

    key=$(
        {
            cat "${BASH_SOURCE[0]}" "$@"
            apt-cache policy "${packages[@]}" | grep -E '^[^ ]|Candidate'
        } | sha256sum | cut -c1-16
    )
    cache=${XDG_CACHE_HOME:-$HOME/.cache}/belljar/$name/$key
    if [ -e "$cache/index.json" ]; then
        image_link
        exit 0
    fi
    for tool in umoci dpkg-deb apt-get; do
        command -v "$tool" >/dev/null ||
            die "'$tool' is not installed; run 'make deps'"
    done
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    root=$work/root
    mkdir -p "$work/debs" "$root"
    [ "$(id -u)" = 0 ] && chown _apt "$work" "$work/debs" 2>/dev/null || :
}

image_link() {
    mkdir -p "$out"
    ln -sfn "$cache" "$out/image"
}

# All packages to $work/debs.
image_download() {
    echo "$name: downloading ${#packages[@]} Debian packages"
    (cd "$work/debs" && apt-get -qq download "${packages[@]}") ||
        die "apt-get could not download the packages;" \
            "run 'apt-get update' and try again"
}

# What the scripts of python3.11-minimal, busybox and base-passwd would do.
image_python() {
    local applet

    ln -s python3.11 "$root/usr/bin/python3"
    for applet in sh ls cat env id sleep; do
        [ -e "$root/bin/$applet" ] || ln -s busybox "$root/bin/$applet"
    done
    cp "$root/usr/share/base-passwd/passwd.master" "$root/etc/passwd"
    cp "$root/usr/share/base-passwd/group.master" "$root/etc/group"
    rm -rf "$root"/usr/share/{doc,man,info,locale,lintian,bug} \
        "$root"/usr/lib/x86_64-linux-gnu/gconv
}

# The image's own Python.
python() {
    local lib=usr/lib/x86_64-linux-gnu

    PYTHONHOME=$root/usr "$root"/lib64/ld-linux-x86-64.so.2 --library-path \
        "$root/lib/x86_64-linux-gnu:$root/$lib" "$root/usr/bin/python3.11" "$@"
}

# Compile what is below the DIRs, which may lack what some files import.
image_compile() { # DIR...
    python -I -S -m compileall -q -s "$root" \
        --invalidation-mode unchecked-hash "$@" >/dev/null || :
}

# $root becomes the image, with further options of `umoci config`.
image_pack() { # OPTION...
    local layout=$work/layout rootless=()

    echo "$name: packing the OCI image"
    [ "$(id -u)" = 0 ] || rootless=(--rootless)
    umoci init --layout "$layout"
    umoci new --image "$layout:$name:latest"
    umoci insert "${rootless[@]}" --image "$layout:$name:latest" "$root" /
    umoci config --image "$layout:$name:latest" --config.env \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
    umoci gc --layout "$layout"
    mkdir -p "$(dirname "$cache")"
    rm -rf "$cache"
    chmod 755 "$layout"
    mv "$layout" "$cache"
    image_link
}
