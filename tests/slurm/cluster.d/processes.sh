# Sourced by tests/slurm/cluster: which processes are the cluster's, and how to end them.
# shellcheck shell=bash

# marked COMMAND...: run it with the mark and the cluster's configuration
marked() { env "$TAG=$STATE" SLURM_CONF="$CONF" "$@"; }

# owned PID PROGRAM: does the process live, run that program, and carry the mark?
owned() {
    local pid=$1 want=$2 program
    [ -n "$pid" ] && [ -r "/proc/$pid/environ" ] || return 1
    program=$(readlink "/proc/$pid/exe" 2>/dev/null) || return 1
    program=${program% (deleted)}
    program=${program##*/}
    # Debian's slurmd is slurmd-wlm behind an alternative
    [ "$program" = "$want" ] || [ "$program" = "$want-wlm" ] || return 1
    { tr '\0' '\n' <"/proc/$pid/environ"; } 2>/dev/null | grep -qxF "$TAG=$STATE"
}

pid_of() {
    local pid=""
    if [ -s "$1" ]; then read -r pid <"$1" || true; fi
    printf '%s' "${pid//[!0-9]/}"
}

# alive NAME PROGRAM
alive() { owned "$(pid_of "$STATE/run/$1.pid")" "$2"; }

any_alive() {
    local node
    if alive munged munged || alive slurmdbd slurmdbd || alive slurmctld slurmctld; then return 0; fi
    if alive mysqld "$(database_daemon)"; then return 0; fi
    for node in $(nodes); do
        if alive "slurmd-$node" slurmd; then return 0; fi
    done
    return 1
}

# stop NAME PROGRAM [SECONDS]
stop() {
    local pid tenth
    pid=$(pid_of "$STATE/run/$1.pid")
    if owned "$pid" "$2"; then
        kill -TERM "$pid" 2>/dev/null || true
        for ((tenth = 0; tenth < ${3:-20} * 10; tenth++)); do
            owned "$pid" "$2" || break
            sleep 0.1
        done
        if owned "$pid" "$2"; then kill -KILL "$pid" 2>/dev/null || true; fi
    fi
    rm -f "$STATE/run/$1.pid"
}

# stepds NODE: the step daemons of a node. They overwrite their environment, but keep the log of
# their node open, and that file is the cluster's alone.
stepds() {
    local process program
    for process in /proc/[0-9]*; do
        program=$(readlink "$process/exe" 2>/dev/null) || continue
        case ${program##*/} in slurmstepd | slurmstepd-wlm) ;; *) continue ;; esac
        if [ -n "$(find "$process/fd" -lname "$STATE/log/slurmd-$1.log" 2>/dev/null)" ]; then
            printf '%s\n' "${process#/proc/}"
        fi
    done
}

# kill_tree PID: its descendants, then itself
kill_tree() {
    local children child
    read -ra children -d '' < <(cat /proc/"$1"/task/*/children 2>/dev/null) || true
    for child in "${children[@]}"; do kill_tree "$child"; done
    kill -KILL "$1" 2>/dev/null || true
}

# kill_strays: daemons with the mark whose pid file was lost
kill_strays() {
    local process program
    for process in /proc/[0-9]*; do
        for program in slurmctld slurmd slurmdbd "$(database_daemon)" munged; do
            if owned "${process#/proc/}" "$program"; then kill -KILL "${process#/proc/}" || true; fi
        done
    done
}

# wait_for SECONDS WHAT COMMAND...
wait_for() {
    local end=$((SECONDS + $1)) what=$2 said=""
    shift 2
    until said=$("$@" 2>&1); do
        [ $SECONDS -lt $end ] || die "waited in vain for $what: ${said:0:300} (logs in $STATE/log)"
        sleep 0.1
    done
}
