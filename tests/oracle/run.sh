#!/bin/sh
# dynamill against the oracle: each plan in plans/ is run by both on the
# fixtures, and the items compared; boto3 reads what dynamill wrote.  Ends with
#
#	N passed, N failed, N skipped
#
#	tests/oracle/run.sh [--program PATH]
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
program=${DYNAMILL:-$root/build/dynamill}
[ "$1" = --program ] && program=$2

passed=0 failed=0 skipped=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ORACLE_SECRET=sixteen-bytes-at-least
export ORACLE_SECRET
PYTHONDONTWRITEBYTECODE=1
export PYTHONDONTWRITEBYTECODE

# try NAME COMMAND...: run it and count; its output is shown if it fails.
try()
{
	label=$1
	shift
	"$@" >"$work/log" 2>&1
	case $? in
	0) passed=$((passed + 1)) ;;
	77) skipped=$((skipped + 1)); cat "$work/log" ;;
	*)
		failed=$((failed + 1))
		echo "FAILED: $label"
		sed 's/^/	/' "$work/log" | cut -c 1-300 | head -n 40
	esac
}

# ends STATUS COMMAND...
ends()
{
	want=$1
	shift
	"$@"
	got=$?
	[ $got -eq $want ] || {
		echo "exit status $got"
		return 1
	}
}

command -v python3 >/dev/null || {
	echo "skipped: python3 is not installed"
	echo "0 passed, 0 failed, 1 skipped"
	exit 0
}

try "the oracle's own check" python3 "$here/oracle.py" --self-test

python=python3
[ -x /usr/bin/python3 ] && python=/usr/bin/python3	# has Debian's boto3

# both NAME PLAN EXPORTS: run the plan by the oracle and by dynamill.
both()
{
	python3 "$here/oracle.py" "$2" "$3" -o "$work/$1.want" \
		>"$work/counts" 2>&1
	status=$?	# 1: some items are to be rejected
	try "$1, by the oracle: $(cat "$work/counts")" test $status -le 1
	if ! [ -x "$program" ]; then
		echo "skipped $1: there is no $program"
		skipped=$((skipped + 3))
		return
	fi
	# `check` reads no export, and says of a plan what is yet to come.
	if "$program" check "$2" 2>&1 | grep '^Not yet in this version' \
		>"$work/later"; then
		echo "skipped $1: $(cat "$work/later")"
		skipped=$((skipped + 3))
		reported "$@"
		return
	fi
	try "$1, by dynamill, with status $status" ends $status \
		"$program" run "$2" --quiet --job "$work/$1.job"
	try "$1: the items" python3 "$here/same_items.py" \
		"$work/$1.want" "$work/$1.job/out"
	try "$1: as boto3 reads it" "$python" "$here/boto_read.py" \
		"$work/$1.job/out"
}

# reported NAME PLAN EXPORTS: the same with dangling references left as they
# come, so that all else in the plan is compared today.
reported()
{
	case $1 in *-report) return ;; esac
	python3 -c '
import json, os, sys
plan = json.load(open(sys.argv[1]))
plan["source"]["exports"] = [os.path.abspath(sys.argv[2])]
for table in plan["tables"].values():
    if "dangling" in table:
        table["dangling"] = "report"
if "map" in plan.get("ids", {}):
    plan["ids"]["map"] = os.path.join(
        os.path.dirname(os.path.abspath(sys.argv[1])), plan["ids"]["map"])
json.dump(plan, open(sys.argv[3], "w"))' "$2" "$3" "$work/$1-report.json"
	both "$1-report" "$work/$1-report.json" "$3"
}

for plan in "$here"/plans/*.json; do
	both "$(basename "$plan" .json)" "$plan" "$root/fixtures/relational"
done
for seed in 0 1 2 3 4 10 11; do
	made=$work/made$seed
	try "shapes of seed $seed" python3 "$here/shapes.py" $seed "$made"
	both shapes$seed "$made/plan.json" "$made/exports"
done

if [ -x "$program" ]; then
	try "an analysis of ${ORACLE_ITEMS:-20000} items" \
		python3 "$here/analyze.py" --program "$program" \
		--items "${ORACLE_ITEMS:-20000}"
else
	skipped=$((skipped + 1))
fi

echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
