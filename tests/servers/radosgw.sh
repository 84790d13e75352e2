#!/bin/bash
# Run a command beside an S3 that is a real one: Ceph's radosgw, with a monitor
# and one OSD in memory, all on 127.0.0.1 for as long as the command takes:
#
#	tests/servers/radosgw.sh COMMAND [ARGUMENT...]
#
# The command finds its address in S3_BEHIND, which tests/servers/up.sh s3 and
# tests/e2e/servers.py look at; its keys are S3RVER/S3RVER. As root. Exit status
# 77 says that it is not installed (Debian: radosgw ceph-mon ceph-osd
# ceph-common).
set -eu

skip() {
	echo "skipped: $1"
	echo '0 passed, 0 failed, 1 skipped'
	exit 77
}

for program in radosgw radosgw-admin ceph-mon ceph-osd ceph monmaptool; do
	command -v $program >/dev/null || skip "$program is not installed"
done
[ "$(id -u)" -eq 0 ] || skip 'radosgw wants root'

# The monitor waits for the disk at each of its steps, and others may be at it.
top=$(mktemp -d -p /dev/shm 2>/dev/null || mktemp -d)
dir=$top/0

# All is in memory, so nobody need be asked to end.
end_all() {
	for pid in "$dir"/run/*.pid; do
		[ ! -f "$pid" ] || kill -9 "$(cat "$pid")" 2>/dev/null || :
	done
}
stop() {
	trap - EXIT
	end_all
	rm -rf "$top"
}
trap stop EXIT
trap 'exit 130' INT TERM

write_conf() {
	mkdir -p "$dir/mon" "$dir/osd" "$dir/run" "$dir/log"
	read -r mon web <<-END
		$(python3 -c 'import socket
s = [socket.socket() for _ in range(2)]
for x in s: x.bind(("127.0.0.1", 0))
print(*(x.getsockname()[1] for x in s))')
	END
	fsid=$(cat /proc/sys/kernel/random/uuid)
	conf=$dir/ceph.conf
	cat >"$conf" <<-END
		[global]
		fsid = $fsid
		mon host = v1:127.0.0.1:$mon/0
		auth cluster required = none
		auth service required = none
		auth client required = none
		osd pool default size = 1
		osd pool default min size = 1
		mon allow pool size one = true
		osd crush chooseleaf type = 0
		osd pool default pg num = 4
		osd pool default pg autoscale mode = off
		mon max pg per osd = 1000
		mon data avail crit = 0
		mon data avail warn = 0
		run dir = $dir/run
		admin socket = $dir/run/\$cluster-\$name.asok
		log file = $dir/log/\$name.log
		pid file = $dir/run/\$name.pid
		ms bind ipv6 = false
		public addr = 127.0.0.1
		cluster addr = 127.0.0.1
		setuser match path =
		[mon.a]
		mon data = $dir/mon
		mon addr = 127.0.0.1:$mon
		[osd.0]
		osd data = $dir/osd
		osd objectstore = memstore
		memstore device bytes = 2147483648
		[client.rgw]
		rgw frontends = beast endpoint=127.0.0.1:$web tcp_nodelay=1
		rgw data = $dir
		rgw zone = default
		rgw relaxed s3 bucket names = true
	END
}

# wait_for SECONDS COMMAND...: until it succeeds.
wait_for() {
	last=$(($(date +%s) + $1))
	shift
	until "$@"; do
		[ "$(date +%s)" -lt "$last" ] || return 1
		sleep .2
	done
}

osd_is_up() {
	timeout 60 ceph -c "$conf" osd stat | grep -q ' 1 up'
}

web_is_up() {
	(: >"/dev/tcp/127.0.0.1/$web") 2>/dev/null
}

up() {
	osd=$(cat /proc/sys/kernel/random/uuid)
	monmaptool --create --addv a "[v1:127.0.0.1:$mon/0]" --fsid "$fsid" \
		"$dir/monmap" &&
	ceph-mon -i a --mkfs --monmap "$dir/monmap" -c "$conf" &&
	ceph-mon -i a -c "$conf" &&
	timeout 60 ceph -c "$conf" osd create "$osd" &&
	ceph-osd -i 0 --mkfs --osd-uuid "$osd" -c "$conf" &&
	ceph-osd -i 0 -c "$conf" &&
	timeout 60 ceph -c "$conf" osd crush add osd.0 1 root=default \
		host="$(hostname -s)" &&
	wait_for 60 osd_is_up &&
	radosgw -n client.rgw -c "$conf" &&
	wait_for 120 web_is_up &&
	timeout 120 radosgw-admin -n client.rgw -c "$conf" user create \
		--uid=t --display-name=t --access-key=S3RVER --secret=S3RVER
}

# An OSD that asks a monitor before it was told of the cluster is refused, and ends;
# then nothing is there that could answer radosgw, which waits for it for minutes.
for attempt in $(seq 8); do
	dir=$top/$attempt
	write_conf
	up >"$dir.log" 2>&1 && break
	tail -n 5 "$dir.log" >&2
	end_all
	[ "$attempt" -lt 8 ] || skip 'radosgw did not come up'
done
export S3_BEHIND=http://127.0.0.1:$web
"$@"
