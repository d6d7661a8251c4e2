# Sourced by tests/slurm/cluster: writes the configuration from the files beside this one.
# shellcheck shell=bash

nodes() {
    local i
    for ((i = 1; i <= CPU_NODES; i++)); do echo "cpu$i"; done
    for ((i = 1; i <= GPU_NODES; i++)); do echo "gpu$i"; done
}

# secret FILE BYTES: a random file that only root can read, made once
secret() {
    [ -s "$1" ] || (umask 077 && head -c "$2" /dev/urandom | base64 -w0 | tr -dc 'A-Za-z0-9' >"$1")
}

# fill TEMPLATE NAME=VALUE...: the template with every @NAME@ replaced
fill() {
    local template=$1 pair script=()
    shift
    for pair in "$@"; do script+=(-e "s|@${pair%%=*}@|${pair#*=}|g"); done
    sed "${script[@]}" "$HERE/cluster.d/$template"
}

# node_lines HOST ADDRESS PORT: every node is a slurmd on this machine with a port of its own
node_lines() {
    local node port=$3 gres limits="DefaultTime=10 MaxTime=1-0 State=UP"
    for node in $(nodes); do
        gres=""
        if [[ $node == gpu* ]]; then gres=" Gres=gpu:fake:$GPUS"; fi
        echo "NodeName=$node NodeHostname=$1 NodeAddr=$2 Port=$port CPUs=$CPUS RealMemory=$MEM_MB State=UNKNOWN$gres"
        port=$((port + 1))
    done
    echo "PartitionName=cpu Nodes=cpu[1-$CPU_NODES] Default=YES $limits"
    echo "PartitionName=gpu Nodes=gpu[1-$GPU_NODES] PriorityTier=1 PreemptMode=REQUEUE GraceTime=10 $limits"
    echo "PartitionName=gpu-urgent Nodes=gpu[1-$GPU_NODES] PriorityTier=10 PreemptMode=OFF $limits"
}

write_config() {
    local host address=127.0.0.1 mode port values gpu
    mode=$(bind_mode)
    echo "$mode" >"$STATE/bind"
    host=$(uname -n)
    host=${host%%.*}
    if [ "$mode" = name ]; then address=$(own_address); fi
    if [ "$mode" = uts ]; then host=localhost; fi
    port=$(free_ports $((3 + CPU_NODES + GPU_NODES)))
    secret "$STATE/munge/munge.key" 1024
    secret "$STATE/etc/db.pass" 24
    values=("STATE=$STATE" "HOST=$host" "ADDRESS=$address" "CTLD_PORT=$port"
        "DBD_PORT=$((port + 1))" "SQL_PORT=$((port + 2))" "PASSWORD=$(cat "$STATE/etc/db.pass")")

    { fill slurm.conf "${values[@]}" && node_lines "$host" "$address" $((port + 3)); } >"$CONF"
    (umask 077 && fill slurmdbd.conf "${values[@]}" >"$STATE/etc/slurmdbd.conf")
    fill my.cnf "${values[@]}" >"$STATE/etc/my.cnf"
    if [ "$mode" = any ]; then
        sed -i '/^CommunicationParameters=/d' "$CONF" "$STATE/etc/slurmdbd.conf"
    fi
    # SLURM wants a character device for each GPU, and a link to one is one; the number at the
    # end of its name becomes the job's CUDA_VISIBLE_DEVICES
    for ((gpu = 0; gpu < GPUS; gpu++)); do ln -sfn /dev/null "$STATE/dev/gpu$gpu"; done
    echo "NodeName=gpu[1-$GPU_NODES] Name=gpu Type=fake File=$STATE/dev/gpu[0-$((GPUS - 1))]" \
        >"$STATE/etc/gres.conf"
    write_cgroup_conf
    chmod 644 "$CONF" "$STATE/etc/gres.conf"
}

# SLURM 23.11 and later can switch control groups off, and must be told to
write_cgroup_conf() {
    local version
    version=$(slurmctld -V)
    version=${version##* }
    if [ "$(printf '%s\n' 23.11 "$version" | sort -V | head -1)" = 23.11 ]; then
        echo "CgroupPlugin=disabled" >"$STATE/etc/cgroup.conf"
    fi
}
