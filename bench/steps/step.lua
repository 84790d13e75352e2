-- The steps of bench/plan.yaml, without ids.
function transform(item)
	item.schemaVersion = 2
	item.legacyField = nil
	item.status = item.statusCode
	item.statusCode = nil
	return item
end
