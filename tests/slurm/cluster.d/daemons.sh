# Sourced by tests/slurm/cluster: how each daemon is started, and what is asked of them then.
# shellcheck shell=bash

# the database daemon's program: mariadbd, or mysqld in old releases
database_daemon() {
    local program
    program=$(command -v mariadbd || command -v mysqld || echo mariadbd)
    basename "$(readlink -f "$program")"
}

sql() { mariadb --no-defaults --socket="$STATE/run-mysql/mysqld.sock" -u root "$@"; }

start_munge() {
    if alive munged munged; then return 0; fi
    rm -f "$STATE/munge/munge.socket" "$STATE/munge/munge.socket.lock"
    marked munged --key-file="$STATE/munge/munge.key" --socket="$STATE/munge/munge.socket" \
        --pid-file="$STATE/run/munged.pid" --log-file="$STATE/log/munged.log" \
        --seed-file="$STATE/munge/munge.seed" --num-threads=4
    wait_for 10 munged alive munged munged
}

start_mariadb() {
    local daemon password
    daemon=$(database_daemon)
    if ! alive mysqld "$daemon"; then
        mkdir -p "$STATE/mysql" "$STATE/run-mysql"
        chown mysql:mysql "$STATE/mysql" "$STATE/run-mysql"
        if [ ! -d "$STATE/mysql/mysql" ]; then
            mariadb-install-db --no-defaults --user=mysql --datadir="$STATE/mysql" --skip-test-db \
                --auth-root-authentication-method=normal >"$STATE/log/mariadb-install.log" 2>&1 ||
                die "mariadb-install-db failed, see $STATE/log/mariadb-install.log"
        fi
        (exec env "$TAG=$STATE" setsid "$daemon" --defaults-file="$STATE/etc/my.cnf" \
            </dev/null >>"$STATE/log/mariadb.out" 2>&1) &
        wait_for 60 mariadb sql -e 'select 1'
        # the database user can write its pid file, so only a copy of root's is believed
        cp "$STATE/run-mysql/mysqld.pid" "$STATE/run/mysqld.pid"
    fi
    password=$(cat "$STATE/etc/db.pass")
    sql -e "create database if not exists slurm_acct_db;
        create or replace user 'slurm'@'127.0.0.1' identified by '$password';
        grant all on slurm_acct_db.* to 'slurm'@'127.0.0.1';"
}

start_slurmdbd() {
    if alive slurmdbd slurmdbd; then return 0; fi
    placed slurmdbd
    wait_for 60 slurmdbd marked sacctmgr -n list cluster
}

# add_accounts: sacctmgr exits with 1 where there is nothing new, which is fine
add_accounts() {
    local user
    if marked sacctmgr -n -P list user format=User,DefaultAccount | grep -qx 'root|isotrope'; then
        return 0
    fi
    marked sacctmgr -i add cluster isotrope >/dev/null 2>&1 || true
    marked sacctmgr -i add account isotrope Cluster=isotrope >/dev/null 2>&1 || true
    for user in root ${SUDO_USER:-}; do
        marked sacctmgr -i add user "$user" Account=isotrope DefaultAccount=isotrope \
            Cluster=isotrope >/dev/null 2>&1 || true
    done
    marked sacctmgr -n -P list account format=Account | grep -qx isotrope ||
        die "sacctmgr could not add the account isotrope"
}

start_slurmctld() {
    if alive slurmctld slurmctld; then return 0; fi
    placed slurmctld
    wait_for 60 slurmctld marked scontrol ping
}

start_slurmd() {
    if alive "slurmd-$1" slurmd; then return 0; fi
    mkdir -p "$STATE/spool/$1"
    placed slurmd -N "$1"
    wait_for 20 "slurmd on $1" alive "slurmd-$1" slurmd
}

resume_nodes() {
    local node
    for node in $(marked sinfo -h -N -o '%N %T' | awk '$2 ~ /^down/ {print $1}' | sort -u); do
        marked scontrol update NodeName="$node" State=RESUME 2>/dev/null || true
    done
}

all_nodes_up() {
    local states
    states=$(marked sinfo -h -N -o '%N %T' | sort -u)
    [ "$(awk '{print $1}' <<<"$states" | sort -u | wc -l)" = "$(nodes | wc -l)" ] || return 1
    if grep -Ev ' (idle|mixed|allocated|completing)$' <<<"$states"; then return 1; fi
}

cancel_all_jobs() {
    local partition tenth
    if ! alive slurmctld slurmctld; then return 0; fi
    for partition in cpu gpu gpu-urgent; do # scancel takes one at a time
        # without the first, a job's end would wait for KillWait
        marked timeout 20 scancel --signal=KILL --full --partition=$partition >/dev/null 2>&1 || true
        marked timeout 20 scancel --partition=$partition >/dev/null 2>&1 || true
    done
    for ((tenth = 0; tenth < 100; tenth++)); do
        if [ -z "$(marked timeout 5 squeue -h 2>/dev/null)" ]; then break; fi
        sleep 0.1
    done
}
