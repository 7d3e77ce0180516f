package graphql

import "github.com/airlock-project/airlock/internal/domain"

var workerPermissions = []permission{
	{field: "workerPool", doc: "provider_workers/Read", make: aPool},
	{field: "workerPool.*", doc: `query($id:ID!){workerPool(id:$id){*}}`, make: aPool},
	{field: "workerPools", doc: "provider_workers/All", make: func(o *object) vars { o.shown(o.pool()); return nil }},
	{
		field: "searchWorkerPools", doc: "spacectl_workers/Search",
		make: func(o *object) vars { return searchFor(o.shown(o.pool())) },
	},
	{field: "attachableWorkerPoolsInSpace", make: func(o *object) vars { o.shown(o.pool()); return vars{"id": o.space} }},
	{field: "publicWorkerPool"},
	{field: "workerPoolCreate", doc: "provider_workers/Create", make: func(o *object) vars { return poolInputOf(o.t, o.name("pool"), o.space) }},
	{
		field: "workerPoolUpdate", doc: "provider_workers/Update",
		make: func(o *object) vars { return changedPool(o, o.space) },
	},
	{
		field: "workerPoolUpdate", doc: "provider_workers/Update", when: []string{"it moves"}, at: toBeside,
		make: func(o *object) vars { return changedPool(o, o.there("beside")) },
	},
	{field: "workerPoolReset", doc: "provider_workers/Reset", at: unused, make: func(o *object) vars {
		return vars{"id": o.pool(), "csr": poolInputOf(o.t, "", "")["csr"]}
	}},
	{field: "workerPoolReset", doc: "provider_workers/Reset", note: "stacks of its space use it", make: func(o *object) vars {
		return vars{"id": o.usedPool(), "csr": poolInputOf(o.t, "", "")["csr"]}
	}},
	{field: "workerPoolDelete", doc: "provider_workers/Delete", make: aPool},
	{field: "workerPool.config", doc: `query($id:ID!){workerPool(id:$id){config}}`, at: unused, make: aPool},
	{field: "workerPool.config", doc: `query($id:ID!){workerPool(id:$id){config}}`, note: "stacks of its space use it", make: aUsedPool},
	{field: "workerPool.workers.*", doc: `query($id:ID!){workerPool(id:$id){workers{*}}}`, make: aUsedPool},
}

// unused says that no stacks use the worker pool.
var unused = map[string]string{"the space of each of its stacks": nowhere}

func aPool(o *object) vars { return vars{"id": o.pool()} }

func changedPool(o *object, space string) vars {
	in := poolInputOf(o.t, o.name("pool"), space)
	delete(in, "csr")
	return with(in, "id", o.pool())
}

// usedPool is a worker pool with a stack of its space whose run it executes.
func (o *object) usedPool() string {
	pool := o.pool()
	made := o.admin.do("provider_stacks", "Create", vars{"input": with(stackInput(o.name("stack"), o.space), "workerPool", pool), "manageState": true})
	o.run(id(made), domain.RunTracked, domain.RunPlanning)
	return pool
}

func aUsedPool(o *object) vars { return vars{"id": o.usedPool()} }
