package graphql

import (
	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

var auditPermissions = []permission{
	{field: "searchAuditTrailEntries", doc: "spacectl_access/Audit", make: func(*object) vars { return vars{"input": vars{"first": 10}} }},
	{field: "searchAuditTrailEntries.edges.node.*", doc: `{searchAuditTrailEntries(input:{first:10}){edges{node{*}}}}`},
	{
		field: "searchAuditTrailEntries.edges.node.actor.run",
		doc: `query($run:String!){searchAuditTrailEntries(input:{first:10,predicates:[{field:"run",constraint:{stringMatches:[$run]}}]}){
			edges{node{actor{run{id}}}}}}`,
		make: func(o *object) vars {
			stack := o.stack()
			run := o.run(stack, domain.RunTracked, domain.RunApplying)
			o.asRun(stack, run).query(`mutation{contextCreate(name:"x"){id}}`, nil) // is refused, and recorded
			return vars{"run": run}
		},
	},
}

// asRun is the world, asked with the token of a run.
func (o *object) asRun(stack, run string) *world {
	other := *o.admin.client
	other.caller = &access.Caller{
		Name:    domain.StackID(stack).AuditName(),
		Subject: authz.Subject{Actor: authz.ActorRef{Kind: authz.ActorStack, ID: stack}},
		Stack:   domain.StackID(stack), Run: domain.RunID(run), Epoch: 1,
	}
	return &world{client: &other, documents: o.admin.documents}
}
