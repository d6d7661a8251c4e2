# Sourced by tests/slurm/cluster: what it needs of the machine (packages, addresses, ports).
# shellcheck shell=bash

PACKAGES=(slurmctld slurmd slurmdbd slurm-client munge mariadb-server)
COMMANDS=(slurmctld slurmd slurmdbd sbatch sacctmgr munged mariadb mariadb-install-db)
POLICY=/usr/sbin/policy-rc.d

ensure_packages() {
    local command missing=() log
    for command in "${COMMANDS[@]}"; do
        command -v "$command" >/dev/null || missing+=("$command")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    command -v apt-get >/dev/null ||
        die "the SLURM test cluster needs Debian's or Ubuntu's packages ${PACKAGES[*]}, and there is no apt-get here"
    say "installing ${PACKAGES[*]}"
    log=$(mktemp)
    if ! install_packages >"$log" 2>&1; then
        command=$(grep -m1 '^E: ' "$log" || tail -1 "$log")
        rm -f "$log"
        die "the SLURM test cluster needs Debian's or Ubuntu's packages ${PACKAGES[*]}, and apt-get failed: ${command#E: }"
    fi
    rm -f "$log"
}

# In a subshell, so that the trap undoes the policy even after Ctrl-C.
install_packages() (
    fresh=()
    for package in "${PACKAGES[@]}"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
            fresh+=("$package")
    done
    if [ ! -e $POLICY ]; then # forbids the packages to start their services
        trap 'rm -f $POLICY' EXIT
        trap 'exit 130' INT TERM
        printf '#!/bin/sh\nexit 101\n' >$POLICY
        chmod 755 $POLICY
    fi
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q || exit 1
    apt-get install -q -y --no-install-recommends "${fresh[@]}" || exit 1
    # and they shall not start with the machine either
    if command -v systemctl >/dev/null; then
        for package in "${fresh[@]}"; do
            systemctl --quiet disable "${package%-server}.service" 2>/dev/null || true
        done
    fi
)

# SLURM binds to one address only if the name of the host leads there. So:
#   name  the name leads to loopback: bind there
#   uts   it does not: give the daemons and their jobs a host name of their own, localhost
#   any   listen on every interface (munge still authenticates each message); never chosen by itself
bind_mode() {
    case $BIND in
    name | uts | any) echo "$BIND" ;;
    auto)
        if [[ $(own_address) == 127.* ]]; then
            echo name
        elif unshare --uts sh -c 'echo localhost >/proc/sys/kernel/hostname' 2>/dev/null; then
            echo uts
        else
            die "cannot listen on loopback only: $(uname -n) leads to no 127.* address; add it to /etc/hosts"
        fi
        ;;
    *) die "SLURM_TEST_BIND must be auto, name, uts or any (got $BIND)" ;;
    esac
}

own_address() { getent ahostsv4 "$(uname -n)" 2>/dev/null | awk '{print $1; exit}'; }

# placement: the words before a command that give it the host name the configuration expects
placement() {
    if [ "$(cat "$STATE/bind")" = uts ]; then
        # shellcheck disable=SC2016 # $@ is for the inner shell
        printf '%s\n' unshare --uts sh -c 'echo localhost >/proc/sys/kernel/hostname; exec "$@"' sh
    fi
}

# placed COMMAND...: run a daemon where the configuration expects it
placed() {
    local place=()
    mapfile -t place < <(placement)
    marked "${place[@]}" "$@"
}

# used_ports: TCP ports in use, from the kernel's own tables
used_ports() {
    local hex
    awk 'FNR > 1 { split($2, a, ":"); print a[2] }' /proc/net/tcp /proc/net/tcp6 2>/dev/null |
        while read -r hex; do printf '%d\n' "$((16#$hex))"; done
}

# free_ports COUNT: the first of so many free ports in a row, below the ephemeral ones
free_ports() {
    local count=$1 first port used
    used=" $(used_ports | tr '\n' ' ') "
    for ((first = PORT_BASE; first + count < 32768; first += count)); do
        for ((port = first; port < first + count; port++)); do
            if [[ $used == *" $port "* ]]; then continue 2; fi
        done
        echo "$first"
        return 0
    done
    die "no $count free ports in a row above $PORT_BASE"
}

# The one thing outside the state folder; the header of `cluster` says why.
check_link() {
    if [ -e "$LINK" ] && [ "$(readlink "$LINK")" != "$CONF" ]; then
        die "$LINK belongs to another cluster, and the jobs of Snakemake would follow it there"
    fi
}

make_link() {
    if [ ! -d "${LINK%/*}" ]; then
        mkdir "${LINK%/*}"
        touch "$STATE/made-folder-of-link"
    fi
    ln -sfn "$CONF" "$LINK"
}

remove_link() {
    if [ "$(readlink "$LINK" 2>/dev/null)" = "$CONF" ]; then rm -f "$LINK"; fi
    if [ -e "$STATE/made-folder-of-link" ]; then
        rmdir --ignore-fail-on-non-empty "${LINK%/*}"
        rm -f "$STATE/made-folder-of-link"
    fi
}
