#!/bin/sh
# A Slurm of our own on this machine, for as long as a command takes:
#
#	tests/slurm/up.sh COMMAND...
#
# Loopback only, everything in a folder of its own, which goes with it. Where
# sinfo already finds nodes, those are used. Ends with 77 if there is no Slurm.
set -eu

if sinfo -h >/dev/null 2>&1; then
	exec "$@"
fi
PATH=$PATH:/usr/sbin:/sbin
for tool in slurmctld slurmd munged sbatch; do
	command -v $tool >/dev/null || {
		echo "there is no $tool: apt-get install slurm-wlm munge"
		exit 77
	}
done
[ "$(id -u)" -eq 0 ] || { echo 'slurmd wants to be root'; exit 77; }

top=$(mktemp -d)
host=$(hostname -s)
stop() {
	scontrol shutdown >/dev/null 2>&1 || :
	for f in "$top"/*.pid; do
		[ ! -f "$f" ] || kill "$(cat "$f")" 2>/dev/null || :
	done
	sleep 1
	rm -rf "$top"
}
trap stop EXIT
trap 'exit 130' INT TERM
chmod 755 "$top"
mkdir "$top/state" "$top/spool"
dd if=/dev/urandom of="$top/key" bs=1024 count=1 2>/dev/null
chmod 400 "$top/key"
munged --force --key-file="$top/key" --socket="$top/munge" \
	--pid-file="$top/munged.pid" --log-file="$top/munged.log" \
	--seed-file="$top/munged.seed" >/dev/null 2>&1
# The free ports that are asked for first; others on this machine have theirs.
port=$((20000 + $$ % 20000))
cat >"$top/slurm.conf" <<END
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmdPort=$((port + 1))
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$top/munge
CryptoType=crypto/munge
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
MpiDefault=none
ProctrackType=proctrack/linuxproc
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=0,sched_min_interval=0,defer_batch
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
StateSaveLocation=$top/state
SlurmdSpoolDir=$top/spool
SlurmctldPidFile=$top/slurmctld.pid
SlurmdPidFile=$top/slurmd.pid
SlurmctldLogFile=$top/slurmctld.log
SlurmdLogFile=$top/slurmd.log
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
NodeName=$host NodeAddr=127.0.0.1 CPUs=4 State=UNKNOWN
PartitionName=main Nodes=$host Default=YES MaxTime=INFINITE State=UP
END
echo 'CgroupPlugin=cgroup/v1' >"$top/cgroup.conf"
export SLURM_CONF="$top/slurm.conf"
slurmctld -f "$SLURM_CONF" >/dev/null 2>&1 || :
slurmd -f "$SLURM_CONF" >/dev/null 2>&1 || :
n=0
until sinfo -h -o %T 2>/dev/null | grep -q idle; do
	n=$((n + 1))
	[ $n -lt 100 ] || {
		tail -n 5 "$top/slurmctld.log" "$top/slurmd.log"
		echo 'Slurm does not start here'
		exit 77
	}
	sleep .2
done
"$@"
