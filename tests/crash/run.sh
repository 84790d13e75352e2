#!/bin/sh
# Kill the program at any moment, run it again, and compare with a run that
# nobody disturbed:
#
#	tests/crash/run.sh [--trials N] [--items N] [--seed N]
#
# Each trial kills (SIGKILL, now and then SIGTERM) some runs of one job after a
# while that dice choose, with other numbers of threads each time, then lets one
# finish. What is in out/, index/ and rejected/ must be the same bytes. Last
# line: `N passed, N failed, N skipped`.
set -u
cd "$(dirname "$0")/../.."
trials=12
items=30000
seed=1
while [ $# -gt 0 ]; do
	case $1 in
	--trials) trials=$2 ;;
	--items) items=$2 ;;
	--seed) seed=$2 ;;
	*) echo "usage: run.sh [--trials N] [--items N] [--seed N]" >&2; exit 2 ;;
	esac
	shift 2
done
program=${DYNAMILL:-$PWD/build/dynamill}
[ -x "$program" ] || {
	echo "skipped: there is no $program"
	echo "0 passed, 0 failed, 1 skipped"
	exit 0
}
make -s build/bench/generate || exit 1

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
build/bench/generate --items "$items" --out "$tmp/data" >/dev/null || exit 1
sed "s|../build/bench/data|$tmp/data|" bench/plan.yaml >"$tmp/plan.yaml"

# What must not depend on the crashes: names and bytes.
digest() {
	(cd "$1" && find out index rejected -type f 2>/dev/null | sort |
		xargs sha256sum | sha256sum)
}

# dice N: a number below N, the same every time.
dice() {
	seed=$(((seed * 1103515245 + 12345) % 2147483648))
	echo $((seed / 65536 % $1))
}

run() {
	"$@" "$program" run "$tmp/plan.yaml" --job "$tmp/job" --quiet \
		--run-time 2025-03-01T00:00:00Z --threads "$threads"
}

start=$(date +%s%N)
threads=2
run || exit 1
took=$((($(date +%s%N) - start) / 1000000))
[ -d "$tmp/job/out" ] || exit 1
want=$(digest "$tmp/job")
rm -rf "$tmp/job"

passed=0
failed=0
kills=0
while [ $((passed + failed)) -lt "$trials" ]; do
	tries=0
	while [ $tries -lt 6 ]; do
		tries=$((tries + 1))
		seed=$((seed + tries))
		threads=$((1 + $(dice 4)))
		seed=$((seed + 7))
		ms=$((1 + $(dice $((took + took / 4)))))
		signal=KILL
		[ $((ms % 4)) -ne 0 ] || signal=TERM
		after=$(printf '%d.%03d' $((ms / 1000)) $((ms % 1000)))
		status=0
		run timeout -s $signal "$after" >"$tmp/log" 2>&1 || status=$?
		case $status in
		0) break ;;
		124|130|137) kills=$((kills + 1)) ;;
		5) sleep 0.1 ;;	# the one that was killed is still dying
		*) break ;;
		esac
	done
	if [ $status -ne 0 ]; then
		sleep 0.1
		threads=$((1 + tries % 4))
		run env >"$tmp/log" 2>&1
		status=$?
	fi
	if [ $status -eq 0 ] && [ "$(digest "$tmp/job")" = "$want" ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "trial $((passed + failed)): status $status after $tries" \
			"tries, the last killed after $ms ms"
		tail -n 3 "$tmp/log"
		ls "$tmp/job"
	fi
	rm -rf "$tmp/job"
done 2>/dev/null
echo "$kills kills"
echo "$passed passed, $failed failed, 0 skipped"
[ $failed -eq 0 ]
