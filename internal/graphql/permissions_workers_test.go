package graphql

import (
	"context"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/store"
)

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
	{
		field: "workerPool.workers.runs", doc: `query($id:ID!){workerPool(id:$id){workers{runs{run{id} stackId}}}}`,
		make: func(o *object) vars {
			pool := o.pool()
			o.shown(o.run(o.stackOf(pool), domain.RunTracked, domain.RunPlanning))
			o.worker(pool, "worker-1")
			return vars{"id": pool}
		},
	},
	{
		field: "workerPool.searchSchedulableRuns", doc: "spacectl_workers/Watch",
		make: func(o *object) vars { return vars{"id": o.wantedPool(), "input": vars{"first": 100}} },
	},
	{field: "publicWorkerPool.searchSchedulableRuns", doc: "spacectl_workers/WatchBuiltIn", make: func(o *object) vars {
		o.shown(o.run(o.stackOf(""), domain.RunTracked, domain.RunReady))
		return vars{"input": vars{"first": 100}}
	}},
	{field: "workerDrainSet", doc: "spacectl_workers/Drain", make: func(o *object) vars {
		pool := o.pool()
		o.worker(pool, "w")
		return vars{"workerPool": pool, "worker": "w", "drain": true}
	}},
	{field: "workerPoolCycle", doc: "spacectl_workers/Cycle", make: func(o *object) vars { return vars{"workerPoolId": o.pool()} }},
}

// unused says that no stacks use the worker pool.
var unused = map[string]string{"the space of each of its stacks": nowhere}

func aPool(o *object) vars { return vars{"id": o.pool()} }

func changedPool(o *object, space string) vars {
	in := poolInputOf(o.t, o.name("pool"), space)
	delete(in, "csr")
	return with(in, "id", o.pool())
}

// worker registers a worker of a pool.
func (o *object) worker(pool, name string) {
	now := o.kit.Clock.Now()
	w := domain.Worker{Pool: domain.WorkerPoolID(pool), ID: name, Slots: 1, CreatedAt: now, AvailableAt: now, SeenAt: now}
	o.kit.Fill(o.t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		return tx.RegisterWorker(ctx, p.For(access.KindWorkerPool), w)
	})
}

// wantedPool is a worker pool for which a run of a stack of its space waits.
func (o *object) wantedPool() string {
	pool := o.pool()
	o.shown(o.run(o.stackOf(pool), domain.RunTracked, domain.RunReady))
	return pool
}

// stackOf makes a stack of the space that uses a worker pool; none is the
// built-in one.
func (o *object) stackOf(pool string) string {
	in := stackInput(o.name("stack"), o.space)
	if pool != "" {
		in = with(in, "workerPool", pool)
	}
	return id(o.admin.do("provider_stacks", "Create", vars{"input": in, "manageState": true}))
}

// usedPool is a worker pool with a stack of its space whose run it executes.
func (o *object) usedPool() string {
	pool := o.pool()
	o.run(o.stackOf(pool), domain.RunTracked, domain.RunPlanning)
	o.worker(pool, "worker-1")
	return pool
}

func aUsedPool(o *object) vars { return vars{"id": o.usedPool()} }
