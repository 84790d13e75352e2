# Completion of dynamill for bash.
_dynamill() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}

	case $before in
	--output) COMPREPLY=($(compgen -W 'text json csv junit' -- "$word"))
		return ;;
	--as) COMPREPLY=($(compgen -W 'dynamodb-json json ion csv' -- "$word"))
		return ;;
	--type) COMPREPLY=($(compgen -W 'S N B' -- "$word")); return ;;
	--on-bad-item) COMPREPLY=($(compgen -W 'reject fail' -- "$word"))
		return ;;
	--level) COMPREPLY=($(compgen -W '1 2 3 4 5 6 7 8 9' -- "$word"))
		return ;;
	--job) COMPREPLY=($(compgen -d -- "$word")); return ;;
	esac
	if [ "$COMP_CWORD" -eq 1 ]; then
		COMPREPLY=($(compgen -W 'init run check analyze test lookup
			cat diff validate reverse push tables whoami version
			help' -- "$word"))
	elif [ "${COMP_WORDS[1]}" = help ]; then
		COMPREPLY=($(compgen -W 'init run check analyze test lookup cat diff validate reverse push tables whoami' -- "$word"))
	elif [[ $word == -* ]]; then
		local options='--stage --output --log --help'
		[ "${COMP_WORDS[1]}" != run ] || options+=' --job --after --table
			--limit --threads --memory --level --on-bad-item
			--on-duplicate --strict-ids --revert --accept
			--max-unpacked --max-ratio
			--run-time --dry-run --quiet --no-progress'
		[ "${COMP_WORDS[1]}" != analyze ] || options+=' --job --table
			--limit --threads --memory --on-bad-item --strict-ids
			--revert --accept --run-time --verbose --quiet --no-progress'
		[ "${COMP_WORDS[1]}" != test ] || options+=' --table --limit
			--key --where --strict-ids --revert --accept
			--run-time --verbose'
		[ "${COMP_WORDS[1]}" != lookup ] || options='--job --table
			--type --item --all --output --help'
		[ "${COMP_WORDS[1]}" != init ] || options='-o --force --tables-from
			--threads --memory --accept --quiet --help'
		[ "${COMP_WORDS[1]}" != cat ] || options='--where --select --key
			--limit --as --table --tables-from --accept --threads
			--memory --run-time --help'
		[ "${COMP_WORDS[1]}" != diff ] || options='--key --ignore --table
			--tables-from --output --verbose --quiet --accept
			--threads --memory --help'
		[ "${COMP_WORDS[1]}" != validate ] || options='--against --key --plan
			--job --stage --limit --strict-ids
			--partial --exact --ignore --table --tables-from
			--output --verbose --quiet --accept --threads --memory
			--run-time --help'
		[ "${COMP_WORDS[1]}" != push ] || options='--job --table --max-wcu
			--only-new --into-existing --no-undo --yes --confirm
			--dry-run --profile --region --endpoint-url --env-file
			--output --quiet --no-progress --help'
		[ "${COMP_WORDS[1]}" != tables ] || options='--job --yes --confirm
			--profile --region --endpoint-url --env-file --quiet --help'
		[ "${COMP_WORDS[1]}" != whoami ] || options='--profile --region
			--endpoint-url --env-file --stage --help'
		COMPREPLY=($(compgen -W "$options" -- "$word"))
	else
		COMPREPLY=($(compgen -f -- "$word"))
	fi
}
complete -o filenames -F _dynamill dynamill
