#!/bin/sh
# The whole program, run as its users run it: each test here in its short form,
# or with --long in the size that is promised.  Ends with
#
#	N passed, N failed, N skipped
#
#	tests/e2e/run.sh [--long] [NAME...]
#
# NAME is a script beside this one, without .py.  DYNAMILL names another program
# than build/dynamill, E2E_SLOW=N makes the data N times smaller.
cd "$(dirname "$0")/../.." || exit 1

long=
[ "${1-}" = --long ] && { long=--long; shift; }
PYTHONDONTWRITEBYTECODE=1
export PYTHONDONTWRITEBYTECODE

passed=0 failed=0 skipped=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT

command -v python3 >/dev/null || {
	echo "skipped: python3 is not installed"
	echo "0 passed, 0 failed, 1 skipped"
	exit 0
}
make -s build/bench/generate build/bench/index ||
	echo "skipped: no generator"

for script in tests/e2e/*.py; do
	name=$(basename "$script" .py)
	case $name in e2e|servers) continue ;; esac
	case " ${*:-$name} " in *" $name "*) ;; *) continue ;; esac
	began=$(date +%s)
	python3 "$script" $long >"$log" 2>&1
	status=$?
	echo "# $name, $(($(date +%s) - began)) s"
	sed '$d' "$log"
	counts=$(tail -n 1 "$log" | grep '^[0-9]* passed, ' | tr -dc '0-9 ')
	if [ -z "$counts" ]; then
		tail -n 1 "$log"
		echo "not ok $name ended with status $status"
		failed=$((failed + 1))
		continue
	fi
	read -r p f s <<-END
	$counts
	END
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
done

echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
