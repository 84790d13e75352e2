#!/bin/sh
# Ion as others read and write it (ion-js), and as dynamill does: the fixtures,
# good and bad, and random items both ways.  Ends with one line,
#
#	N passed, N failed, N skipped
#
#	tests/ion/run.sh [--long] [--seed N] [--tool PATH]
#
# Without node, or with neither the package nor a network to get it from, this is
# skipped, said so and counted.
here=$(cd "$(dirname "$0")" && pwd)
tool=$here/../../build/opt/tool_items
items=5000
seed=1
while [ $# -gt 0 ]; do
	case $1 in
	--long) items=100000; shift; continue ;;
	--seed) seed=$2 ;;
	--tool) tool=$2 ;;
	*) echo "usage: run.sh [--long] [--seed N] [--tool PATH]" >&2; exit 2 ;;
	esac
	shift 2
done

skip()
{
	echo "skipped: $1"
	echo "0 passed, 0 failed, 1 skipped"
	exit 0
}

command -v node >/dev/null || skip "node is not installed"
if ! [ -d "$here/node_modules/ion-js" ]; then
	command -v npm >/dev/null || skip "npm is not installed"
	(cd "$here" && npm ci --no-audit --no-fund --ignore-scripts) \
		>/dev/null 2>&1 || {
		rm -rf "$here/node_modules"
		skip "npm ci in tests/ion did not get ion-js"
	}
fi

[ -x "$tool" ] || make -s -C "$here/../.." tests || exit 1
log=$(mktemp)
trap 'rm -f "$log"' EXIT
node "$here/compare.mjs" "$tool" --items $items --seed $seed >"$log" 2>&1
status=$?
sed '$d' "$log"
tail -n 1 "$log" | sed 's/$/, 0 skipped/'
[ $status -eq 0 ]
