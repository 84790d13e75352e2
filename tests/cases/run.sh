#!/bin/sh
# The table of expressions, and a few hundred random ones, on dynamill and on
# the server that tests/servers starts.  Ends with one line,
#
#	N passed, N failed, N skipped
#
#	tests/cases/run.sh [--seed N] [--count N] [--tool PATH]
#
# Without node, or with neither the server's packages nor a network to get them
# from, what cannot run is skipped, said so and counted.
here=$(cd "$(dirname "$0")" && pwd)
count=300
seed=1
tool=$here/../../build/opt/tool_expr
while [ $# -gt 0 ]; do
	case $1 in
	--count) count=$2 ;;
	--seed) seed=$2 ;;
	--tool) tool=$2 ;;
	*) echo "usage: run.sh [--seed N] [--count N] [--tool PATH]" >&2; exit 2 ;;
	esac
	shift 2
done

command -v node >/dev/null || {
	echo "skipped: node is not installed"
	echo "0 passed, 0 failed, 1 skipped"
	exit 0
}

log=$(mktemp)
trap 'rm -f "$log"' EXIT
beside=$here/../servers/up.sh
"$beside" || beside=

$beside node "$here/run.mjs" --tool "$tool" >"$log" 2>&1
one=$?
cat "$log"
first=$(tail -n 1 "$log")

$beside node "$here/random.mjs" --tool "$tool" --seed "$seed" \
	--count "$count" >"$log" 2>&1
two=$?
cat "$log"
second=$(tail -n 1 "$log")

printf '%s\n%s\n' "$first" "$second" | awk '
	{
		for (i = 2; i <= NF; i++)
			if ($i ~ /^(passed|failed|skipped)/)
				n[substr($i, 1, 6)] += $(i - 1)
	}
	END {
		printf "%d passed, %d failed, %d skipped\n",
			n["passed"], n["failed"], n["skippe"]
	}'
[ $one -eq 0 ] && [ $two -eq 0 ]
