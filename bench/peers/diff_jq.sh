#!/bin/sh
# Two dumps compared as it is done by hand: jq sorts the names, sort the items.
#
#	diff_jq.sh A B
set -eu
lines() {
	find "$1" -type f -not -name '*manifest*' | sort |
		xargs gzip -dcf | jq -cS .Item | LC_ALL=C sort >"$2"
}
lines "$1" diff_jq.a
lines "$2" diff_jq.b
LC_ALL=C comm -3 diff_jq.a diff_jq.b | wc -l
rm diff_jq.a diff_jq.b
