# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
#
# shares.sh - -v and --mount on the command line: what is planned, passed on and
# refused, and what of virtiofsd is left when a VM ends, however it ends.

mkdir "$work/share" "$work/other"
echo hello >"$work/share/file"
mkfifo "$work/pipe"

# virtiofsd's processes of ours: those that have mounted something of $work, by
# its path in the file system that /tmp is.
servers() {
    local p
    for p in $(pgrep -x virtiofsd); do
        grep -qF "/${work##*/}/" "/proc/$p/mountinfo" 2>/dev/null && echo "$p"
    done
}
namespaces_of_its_own() {
    local ns theirs
    for ns in user mnt pid net ipc; do
        theirs=$(readlink "/proc/${1:-none}/ns/$ns") || return 1
        [ "$theirs" != "$(readlink "/proc/self/ns/$ns")" ] || return 1
    done
}
no_servers() { [ -z "$(servers)" ]; }

## The plan
try bj run --dry-run -v "$work/share:/data" -v "$work/share/file:/etc/one:ro" \
    --mount "type=bind,src=$work/other,dst=/x/../y,readonly" busy
check "shares: the plan" is 0
check "... a directory" grep -q "\"source\": *\"$work/share\"" "$work/out"
check "... a file" eval 'grep -q "\"kind\": *\"file\"" "$work/out"'
check "... read-only ones" test "$(grep -c '"read_only": *true' "$work/out")" = 2
check "... paths are made plain" grep -q '"target": *"/y"' "$work/out"
(cd "$work" && try bj run --dry-run -v ./share:/data busy)
check "... a relative path is the user's" grep -q "\"$work/share\"" "$work/out"

## Mistakes
try run -v "$work/none:/data" busy
check "a source that is missing" refused "'$work/none' does not exist on the host"
check "... and it is not made" test ! -e "$work/none"
try run --mount "type=bind,src=$work/none,dst=/d" busy
check "... with --mount" refused "does not exist on the host"
try run -v "$work/pipe:/data" busy
check "a source that is a pipe" refused "neither a directory nor a plain file"
try run -v "$work/share" busy
check "half a -v" refused "is not HOST:GUEST"
try run -v data:/data busy
check "a named volume" refused "named volume"
try run -v "$work/share:data" busy
check "a relative path in the guest" refused "is not absolute"
try run -v "$work/share:/proc/x" busy
check "a path that is the kernel's" refused "guest kernel's"
try run -v "$work/share:/d" -v "$work/other:/d/" busy
check "two at one place" refused "two shares have the path '/d'"
try run --mount "type=volume,src=x,dst=/d" busy
check "--mount of another type" refused "type 'volume' does not exist here"
try run --profile untrusted -v "$work/share:/d:ro" busy
check "untrusted: no share" refused "contradicts --profile untrusted"

## Images
img=$work/data.whatever
gensquashfs -q -c zstd -D "$work/other" "$img" >/dev/null
truncate -s 2m "$work/set.ext4" && mke2fs -q -t ext4 "$work/set.ext4"
try bj run --dry-run --mount "type=image,src=$img,dst=/data" \
    --mount "type=image,source=$work/set.ext4,target=/set,readonly" busy
check "an image: the plan" grep -q '"file_system": *"squashfs"' "$work/out"
check "... by its content" grep -q '"file_system": *"ext4"' "$work/out"
check "... a disk more for each" eval 'grep -qE "\"pids\": *78" "$work/out"'
try run --mount "type=image,src=$work/none,dst=/d" busy
check "an image that is missing" refused "does not exist on the host"
try run --mount "type=image,src=$work/share/file,dst=/d" busy
check "a file that is none" refused "is no squashfs, erofs or ext4; make one"
try run --mount "type=image,src=$work/share,dst=/d" busy
check "a directory" refused "is a directory, and no image"
try run --mount "type=image,src=$img,dst=data" busy
check "an image at no absolute path" refused "is not absolute"
try run --mount "type=image,src=$img,dst=/d" -v "$work/share:/d" busy
check "an image and a share at one place" refused "two shares have the path '/d'"
try run --mount "type=image,src=$img,dst=/d,ro=false" busy
check "an image that is to be written" refused "read-only always"
gensquashfs -q -c gzip -D "$work/other" "$work/gzip" >/dev/null
try run --mount "type=image,src=$work/gzip,dst=/d" busy
check "a compression that the kernel lacks" refused "with gzip, which the minimal kernel"
head -c 100 "$img" >"$work/cut"
try run --mount "type=image,src=$work/cut,dst=/d" busy
check "half an image" refused "is cut off"
try run --mount "type=image,src=$img,dst=/d,dax" busy
check "one that cannot be in memory" refused "make it with 'mkfs.erofs"
mke2fs -q -t ext4 -b 4096 "$work/set.4k" 8m
many=()
for how in 4k,dst=/a,dax ext4,dst=/b 4k,dst=/c,dax=1; do
    many+=(--mount "type=image,src=$work/set.$how")
done
try bj run --dry-run "${many[@]}" busy
check "images in memory: the plan" test "$(grep -c '"dax": *true' "$work/out")" = 2
try run --rm "${many[@]}" busy argv
check "... are files for the monitor" grep -qE '^fd:[0-9]+,ro,id=share2$' "$work/out"
check "... by --pmem" test "$(grep -cx -- --pmem "$work/out")" = 2
# No server, so no virtiofsd is needed; two VMs have it at once.
start env BELLJAR_VIRTIOFSD=/none "$build/belljar" run --no-kvm-check \
    --network none --rm --mount "type=image,src=$img,dst=/d" busy hang
pid=$(field "$(only_vm)" monitor)
fd=$(for f in /proc/"$pid"/fd/*; do
    [ "$(readlink "$f")" != "$img" ] || echo "${f##*/}"
done)
check "the monitor has it, to read" grep -qE '^flags:\s+[0-7]*0$' \
    "/proc/$pid/fdinfo/${fd:-none}"
try run --rm --mount "type=image,src=$img,dst=/d" busy argv
check "so has another" grep -qE '^fd:[0-9]+,ro,id=share0$' "$work/out"
try run --rm --mount "type=image,src=$img,dst=/d" busy disks
check "it is a disk" is 3
kill -INT "$cli"
reap
many=()
for i in $(seq 17); do many+=(-v "$work/share:/d$i"); done
try run "${many[@]}" busy
check "17 shares" refused "more than 16 shares"
try env BELLJAR_VIRTIOFSD="$work/none" "$build/belljar" run --no-kvm-check \
    --network none -v "$work/share:/d" busy
check "no virtiofsd" refused "install the package qemu-system-common"
try env BELLJAR_VIRTIOFSD=/bin/false "$build/belljar" run --no-kvm-check \
    --network none --rm -v "$work/share:/d" busy
check "a virtiofsd that fails" said_last "'/bin/false' ended before it served"
check "... leaves nothing" nothing_left
cp "$build/tests/cli/fake_virtiofsd" "$work/not-it"
try env BELLJAR_VIRTIOFSD="$work/not-it" "$build/belljar" run \
    --no-kvm-check --network none --rm -v "$work/share:/d" busy
check "a program that is none" said_last \
    "'$work/not-it', which was to serve '$work/share', does not speak"
check "... leaves nothing" nothing_left

## Life
if [ "$(id -u)" = 0 ] && unshare -Um true 2>/dev/null; then
    try run --rm -v "$work/share:/data" -v "$work/share/file:/f:ro" busy argv
    check "shares: the monitor gets sockets" \
        test "$(grep -cE '^--fs=fd:[0-9]+,tag=share[01]$' "$work/out")" = 2
    check "... and they end with it" eval 'nothing_left && no_servers'
    start run --rm -v "$work/share:/data" busy hang
    pid=$(tr -d ' \n' <"$root/vms/$(only_vm)/state.json" |
        grep -oE '"virtiofsd":\[[0-9]+' | grep -oE '[0-9]+$')
    check "... which are seen while it runs" eval '! no_servers'
    check "state.json has its process" \
        grep -qx virtiofsd "/proc/${pid:-none}/comm"
    check "... in namespaces of its own" namespaces_of_its_own "$pid"
    kill -9 "$pid"
    check "a killed virtiofsd is a note" wait_for grep -q \
        "virtiofsd, which served '/data', was ended by signal 9" "$work/err"
    kill -INT "$cli"
    reap
    check "... and the VM went on" is 130
    check "... nothing is left" eval 'nothing_left && no_servers'
    find /usr/libexec/virtiofsd /usr/lib/qemu/virtiofsd 2>"$work/err2" |
        head -n 1 | xargs -I{} cp {} "$work/virtiofsd"
    export BELLJAR_VIRTIOFSD=$work/virtiofsd
    start run --rm -v "$work/share:/data" busy hang
    mv "$work/not-it" "$work/virtiofsd"
    try run --rm -v "$work/share:/data" busy
    check "a replaced virtiofsd: the next VM has the new one" \
        said_last "does not speak vhost-user"
    check "... the running VM keeps its own" test "$(servers | wc -l)" = 2
    kill -INT "$cli"
    reap
    unset BELLJAR_VIRTIOFSD
    check "... nothing is left" eval 'nothing_left && no_servers'
    start run --rm -v "$work/share:/data" busy hang
    kill -9 "$(field "$(only_vm)" keeper)"
    reap
    check "a killed keeper takes it along" wait_for no_servers
    bj ps >/dev/null
    check "... nothing is left" nothing_left
    start run --rm -v "$work/share:/data" busy hang
    kill -9 "$(field "$(only_vm)" monitor)"
    reap
    check "a killed monitor ends it" eval 'is 137 && nothing_left && no_servers'
else
    echo "ok - shares: their life # SKIP needs root and user namespaces"
fi
