#!/bin/sh
# jq.sh LEVEL OUT FILE... - jq between two gzips; ids stay as they are.
level=$1
out=$2
shift 2
for file in "$@"; do
	table=${file%%/AWSDynamoDB/*}
	gzip -dc "$file" | jq -c '.Item |= (.schemaVersion = {"N": "2"} |
		del(.legacyField) | if has("statusCode") then
		.status = .statusCode | del(.statusCode) else . end)' |
		gzip "-$level" >"$out/${table##*/}-${file##*/}"
done
