# Completion of dynamill for fish.
set -l commands init run check analyze test lookup cat diff validate reverse push tables whoami version help
complete -c dynamill -n "not __fish_seen_subcommand_from $commands" -f \
	-a "$commands"
complete -c dynamill -l help -d 'more about a command'
complete -c dynamill -l stage -x -d 'a stage of the plan'
complete -c dynamill -l output -x -a 'text json csv junit' -d 'how it is printed'
complete -c dynamill -n '__fish_seen_subcommand_from lookup' -l type -x \
	-a 'S N B' -d 'of the source id'
complete -c dynamill -n '__fish_seen_subcommand_from lookup' -l item \
	-d 'show the item'
complete -c dynamill -n '__fish_seen_subcommand_from lookup' -l all \
	-d 'every id'
complete -c dynamill -n '__fish_seen_subcommand_from lookup' -l job -r \
	-d 'the folder of the job'
complete -c dynamill -n '__fish_seen_subcommand_from lookup' -l table -x \
	-d 'only this table'
for option in 'job:the folder of the job' 'table:only this table' \
	'limit:only the first items of each table' 'threads:workers' \
	'memory:bound for the checks at the end' 'accept:take a damaged file' \
	'run-time:what run_time() gives'
	set -l parts (string split -m 1 : $option)
	complete -c dynamill -n '__fish_seen_subcommand_from run analyze' \
		-l $parts[1] -r -d $parts[2]
end
complete -c dynamill -n '__fish_seen_subcommand_from run' -l dry-run \
	-d 'the same as analyze'
complete -c dynamill -n '__fish_seen_subcommand_from run' -l level -x \
	-a '(seq 9)' -d compression
complete -c dynamill -n '__fish_seen_subcommand_from run analyze' -l on-bad-item -x \
	-a 'reject fail' -d 'what becomes of a bad item'
complete -c dynamill -n '__fish_seen_subcommand_from run analyze' -l strict-ids \
	-d 'reject what is no id where one should be'
complete -c dynamill -l max-unpacked -x -d 'what an archive may unpack to'
complete -c dynamill -l max-ratio -x -d 'in times its length'
complete -c dynamill -n '__fish_seen_subcommand_from run analyze check test' -l revert \
	-d 'undo an increment'
complete -c dynamill -n '__fish_seen_subcommand_from run analyze' -l quiet \
	-d 'no progress, no summary'
complete -c dynamill -n '__fish_seen_subcommand_from run analyze' -l no-progress \
	-d 'no progress'
complete -c dynamill -l log -r -d 'add what is told to a file'
for option in 'table:only this table' 'limit:items of each table' \
	'key:the item with this key' 'where:only items for which it holds' \
	'accept:take a damaged file' 'run-time:what run_time() gives'
	set -l parts (string split -m 1 : $option)
	complete -c dynamill -n '__fish_seen_subcommand_from test' \
		-l $parts[1] -r -d $parts[2]
end
complete -c dynamill -n '__fish_seen_subcommand_from test' -l strict-ids \
	-d 'reject what is no id where one should be'
complete -c dynamill -n '__fish_seen_subcommand_from test analyze' -l verbose \
	-d 'cut nothing'
for option in 'tables-from:table definitions' 'threads:files read at once' \
	'memory:bound for the check of keys' 'accept:take a damaged file'
	set -l parts (string split -m 1 : $option)
	complete -c dynamill -n '__fish_seen_subcommand_from init' \
		-l $parts[1] -r -d $parts[2]
end
complete -c dynamill -n '__fish_seen_subcommand_from init' -s o -r \
	-d 'where the plan goes'
complete -c dynamill -n '__fish_seen_subcommand_from init' -l force \
	-d 'write over a file that is there'
for option in 'where:only items for which it holds' \
	'select:only these document paths' 'key:the item with this key' \
	'limit:the first items of each table' 'table:only this table' \
	'tables-from:table definitions' 'accept:take a damaged file' \
	'threads:files read at once' 'memory:bound for text that waits' \
	'run-time:what run_time() gives'
	set -l parts (string split -m 1 : $option)
	complete -c dynamill -n '__fish_seen_subcommand_from cat' \
		-l $parts[1] -r -d $parts[2]
end
complete -c dynamill -n '__fish_seen_subcommand_from cat' -l as -x \
	-a 'dynamodb-json json ion csv' -d 'the format'
for option in 'key:names of the key' 'ignore:paths that do not count' \
	'table:only this table' 'tables-from:table definitions' \
	'accept:take a damaged file' 'threads:files read at once' \
	'memory:about what may be used'
	set -l parts (string split -m 1 : $option)
	complete -c dynamill -n '__fish_seen_subcommand_from diff' \
		-l $parts[1] -r -d $parts[2]
end
complete -c dynamill -n '__fish_seen_subcommand_from diff' -l verbose \
	-d 'show whole items, cut nothing'
complete -c dynamill -n '__fish_seen_subcommand_from diff' -l quiet \
	-d 'the exit status alone'
for option in 'against:golden items, or a YAML file' \
	'plan:whose rules are to hold' 'job:what this job wrote' \
	'limit:items of each table' 'stage:a stage of the plan' \
	'key:names of the key' 'ignore:paths that do not count' \
	'table:only this table' 'tables-from:table definitions' \
	'accept:take a damaged file' 'threads:files read at once' \
	'memory:about what may be used'
	set -l parts (string split -m 1 : $option)
	complete -c dynamill -n '__fish_seen_subcommand_from validate' \
		-l $parts[1] -r -d $parts[2]
end
for option in 'partial:other attributes are fine' \
	'exact:other items are not' 'verbose:show what is sound too' \
	'quiet:the exit status alone'
	set -l parts (string split -m 1 : $option)
	complete -c dynamill -n '__fish_seen_subcommand_from validate' \
		-l $parts[1] -d $parts[2]
end
