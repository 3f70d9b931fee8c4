# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# networks.sh - networks that VMs share: made, listed and removed, what is
# refused, who gets which address, and that the switch comes with the first VM,
# goes with the last and minds nobody's death.  Part of run.sh.

on() { bj run --no-kvm-check --network "$@"; }
switches() { ours | while read -r p; do
    case $(cat "/proc/$p/comm" 2>/dev/null) in belljar-switch) echo "$p" ;; esac
done; }
nr_switches() { [ "$(switches | wc -l)" = "$1" ]; }
# address VM: what its state says
address() {
    sed -n 's/.*"address": *"\([0-9.]*\)".*/\1/p' "$root/vms/$(id_of "$1")/state.json"
}
id_of() { bj inspect "$1" | sed -n 's/^ *"Id": *"\(.*\)",/\1/p' | head -n 1; }
pid_of() { sed -n "s/.*\"$2\": *\([0-9]*\).*/\1/p" "$root/vms/$(id_of "$1")/state.json"; }
vms_on() { bj network ls | awk -v n="$1" '$1 == n { print $NF }'; }
has_vms() { [ "$(vms_on "$1")" = "$2" ]; }
# up NETWORK NAME [OPTIONS]: a VM that stays; its CLI's pid is in $cli_NAME
up() {
    local net=$1 name=$2
    shift 2
    EXEC=exec on "$net" --rm -m 64m --name "$name" "$@" busy hang >"$work/out.$name" 2>"$work/err" </dev/null &
    eval "cli_$name=$!"
    wait_for grep -qs ready "$work/out.$name"
}
down() { eval "kill \$cli_$1; wait \$cli_$1" 2>/dev/null; }

## Made, listed, removed
try bj network create lab
check "network create says the name" eval 'is 0 && grep -qx lab "$work/out"'
try bj network create lab
check "... and not twice" said 125 "there is a network 'lab' already"
try bj network create --internal --subnet 10.99.0.0/29 small
check "with a subnet of its own" is 0
try bj network ls
check "network ls" eval 'is 0 && grep -qE "^lab +10\.89\.[0-9]+\.0/24 +user +0$" "$work/out" &&
    grep -qE "^small +10\.99\.0\.0/29 +internal +0$" "$work/out"'
try bj network ls -q
check "only the names" test "$(echo $(cat "$work/out"))" = "lab small"
try bj network inspect lab
check "network inspect" eval 'is 0 && grep -qE "\"Gateway\": ?\"10\.89\.[0-9]+\.1\"" "$work/out"'
try bj network create other
check "subnets differ" eval 'is 0 && [ "$(bj network ls | grep -c 10.89.)" = 2 ]'
try bj network rm other
check "network rm" eval 'is 0 && [ "$(bj network ls -q | wc -l)" = 2 ]'

## What is refused
for name in '' user none host a/b .x 'a b' "$(printf 'x%.0s' $(seq 33))"; do
    try bj network create "$name"
    check "the name '$name'" said 125 "cannot be the name of a network"
done
for subnet in 10.1.2.3/24 10.0.0.0/30 10.0.0.0/7 10.0.0.0 127.0.0.0/24 224.0.0.0/24 \
    fd00::/64 10.0.0.0/x 169.254.1.0/24; do
    try bj network create --subnet "$subnet" bad
    check "the subnet $subnet" said 125 "--subnet"
done
try bj network create --subnet 10.99.0.0/16 bad
check "a subnet of another" said 125 "network 'small' has addresses of it"
try bj network create
check "no name" said 125 "give one name"
try bj network rm nothing
check "rm of what is not there" said 125 "there is no network 'nothing'"
try bj network creat x
check "a verb mistyped" said 125 "did you mean 'create'?"
try bj network
check "no verb" said 125 "no command given after 'network'"
try on nothing busy exit 0
check "a VM on what is not there" refused "there is no network 'nothing'; make it with"
try on lab,ip=10.89.0.9/24 busy exit 0
check "a network has no ip=" refused "there is mtu="
try on small -p 8080:80 busy exit 0
check "-p where there is no way in" refused "network 'small' is internal"
try on lab -p '[::1]:8080:80' busy exit 0
check "-p of IPv6" refused "have IPv4 only"
try on lab --allow example.com:443 busy exit 0
check "--allow beside others" refused "--allow example.com:443 needs --network user"
mv "$work/lib/belljar-switch" "$work/switch"
try on lab --rm busy exit 0
check "no belljar-switch" refused "belljar-switch' is missing"
cp /bin/false "$work/lib/belljar-switch"
try on lab --rm busy exit 0
check "a switch that does not start" said 125 "its switch does not start"
mv "$work/switch" "$work/lib/belljar-switch"

## What the monitor and the guest get
try on lab --rm busy argv
check "a port: MAC of the address, long frames" \
    grep -qE '^--net=fd:[0-9]+,mac=02:be:0a:59:[0-9a-f]{2}:03,mtu=65520$' "$work/out"
try on lab,mtu=1500 --rm busy argv
check "an MTU given" grep -qE '^--net=.*,mtu=1500$' "$work/out"
check "the switch goes with the VM" wait_for nr_switches 0

## Several
up small one
check "the first VM's address" test "$(address one)" = 10.99.0.3
up small two
up small three
up small four
check "each its own" test "$(address two) $(address three) $(address four)" = "10.99.0.4 10.99.0.5 10.99.0.6"
check "one switch for all" nr_switches 1
check "ls counts them" has_vms small 4
try bj network inspect small
check "inspect names them" eval 'grep -qE "\"Name\": ?\"three\"" "$work/out" &&
    grep -qE "\"IPv4Address\": ?\"10.99.0.5/29\"" "$work/out" && ! grep -q Gateway "$work/out"'
try on small --rm -m 64m busy exit 0
check "no address is left" said 125 "network 'small' is full"
try bj network rm small
check "rm of one in use" said 125 "network 'small' is in use by"
down one
check "the first may go: the switch stays" nr_switches 1
up small five
check "its address is another's now" test "$(address five)" = 10.99.0.3
up lab six
check "another network, another switch" nr_switches 2
kill -9 "$(pid_of two monitor)"
wait "$cli_two" 2>/dev/null
kill -9 "$(pid_of three keeper)"
wait "$cli_three" 2>/dev/null
check "killed ones are gone" wait_for has_vms small 2
up small seven
up small eight
check "their addresses are free" test "$(address seven) $(address eight)" = "10.99.0.4 10.99.0.5"
for vm in four five six seven eight; do down $vm; done
check "both switches are gone" wait_for nr_switches 0
up small nine
kill -9 "$(switches)"
up small ten
check "who comes after a killed switch gets another" eval 'nr_switches 1 && [ "$(address ten)" = 10.99.0.3 ]'
down nine
down ten
check "nothing is left of VMs" wait_for nothing_left
try bj network rm lab small
check "then they can go" eval 'is 0 && [ -z "$(bj network ls -q)" ]'
check "with all they had" test -z "$(ls "$root/networks" "$root/run/networks" | grep -v :)"
