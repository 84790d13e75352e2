-- For small items, in memory: a text put together, a number counted up.
function transform(item)
	item.fullName = item.firstName .. ' ' .. item.lastName
	item.version = item.version + 1
	return item
end
