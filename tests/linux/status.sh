# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# status.sh - exit statuses, signals, settings of the process.

for n in 0 1 42; do
    check "status: exit $n" status $n run -- sh -c "exit $n"
done
# Nothing inside can kill the container's first process, which is PID 1 of its
# namespace, as under docker; so one of its children is killed.
check "status: 137 for what SIGKILL ended" status 137 run -- \
    sh -c 'sh -c "kill -9 \$\$"; exit $?'
check "status: command not found is 127" status 127 run -- no-such-command
check "status: not executable is 126" status 126 run -- /etc/not-executable
check "status: unknown user is 125" status 125 run -u nobody-here -- true
check "status: unknown image is 125" status 125 \
    "$belljar" run --rm no-such-image true

# The first line it prints means that its handler is in place.
signal_reaches() {
    mkfifo "$tmp/sig"
    timeout 120 "$belljar" run --rm test sh -c \
        "trap 'echo caught; exit 7' $1; echo ready; while :; do sleep 1; done" \
        >"$tmp/sig" &
    local pid=$! line
    exec 3<"$tmp/sig"
    rm "$tmp/sig"
    read -r line <&3
    same ready "$line"
    kill -"$1" "$(pgrep -P $pid)"
    read -r line <&3
    same caught "$line"
    exec 3<&-
    status 7 wait $pid
}
check "status: SIGTERM reaches the process" signal_reaches TERM
check "status: SIGINT reaches the process" signal_reaches INT
check "status: --timeout ends it with 124" status 124 run --timeout 3 -- \
    sh -c 'while :; do sleep 1; done'

settings() {
    same "alice 1000 100" "$(run -u alice:users -- \
        sh -c 'echo $(id -un) $(id -u) $(id -g)')"
    same "/var/x" "$(run -w /var/x -- pwd)"
    same "yes one" "$(run -e ONE=one -- sh -c 'echo $FROM_IMAGE $ONE')"
    same "box" "$(run -h box -- hostname)"
    same "echo hi" "$(run --entrypoint echo -- echo hi)"
}
check "status: user, directory, environment, host name, entry point" settings

shm_size() {
    same 33554432 "$(run --shm-size 32m -- \
        sh -c 'df -k /dev/shm | awk "NR == 2 { print \$2 * 1024 }"')"
}
check "status: --shm-size" shm_size
check "status: --read-only refuses a write" status 1 run --read-only -- \
    touch /x
check "status: a write goes to the layer" run -- sh -c 'echo a >/x; cat /x'
