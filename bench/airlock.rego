package airlock

# data.path[space] is the space and its ancestors; data.climb[space] those that
# derive reading from it, as a set; data.held[user][space] the roles bound
# there, by groups too. What is used twice is a rule: it is evaluated once.

default allow := false

allow if {
	some role in here
	data.roles[role][input.action]
}

allow if {
	some role in here
	data.tiers[role] >= data.fallback[input.action]
	readable
}

allow if {
	input.action == "space:read"
	derived
}

mine := data.held[input.user]

here := {role |
	some roles in object.filter(mine, data.path[input.space])
	some role in roles
}

readable if {
	some role in here
	data.roles[role]["space:read"]
}

readable if derived

derived if {
	some space, roles in mine
	data.climb[space][input.space]
	some role in roles
	data.roles[role]["space:read"]
}
