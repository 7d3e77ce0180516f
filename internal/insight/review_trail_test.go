package insight_test

import (
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/airlock-project/airlock/internal/insight"
	"github.com/airlock-project/airlock/internal/store"
	"github.com/airlock-project/airlock/internal/store/storetest"
)

// TestReviewOfALongTrail times the first page of a review over a trail of many
// rows: as many as AIRLOCK_TRAIL_ROWS says, 5,000 by default. They are a day's
// work of 2,000 bindings each, over 90 days, the busiest with half of all.
func TestReviewOfALongTrail(t *testing.T) {
	rows := 5000
	if given := os.Getenv("AIRLOCK_TRAIL_ROWS"); given != "" {
		n, err := strconv.Atoi(given)
		if err != nil {
			t.Fatal(err)
		}
		rows = n
	}
	storetest.Each(t, func(t *testing.T, k *storetest.Kit) {
		k.AddKey(t, "busy")
		k.Clock.Advance(time.Hour)
		seedTrail(t, k, rows)
		s := insight.New(store.Bind[insight.Tx](k.Store), k.Gate)
		ctx := k.As(t, "root-admin")
		var took []time.Duration
		var page insight.ReviewPage
		for range 9 {
			start := time.Now()
			var err error
			if page, err = s.Review(ctx, insight.ReviewQuery{Days: 90, Size: 50}); err != nil {
				t.Fatal(err)
			}
			took = append(took, time.Since(start))
		}
		slices.Sort(took)
		var counted int64
		for _, r := range page.Reviews {
			for _, u := range r.Used {
				counted += u.Done
			}
		}
		if len(page.Reviews) != 50 || counted < int64(rows)/2 || counted > int64(rows) {
			t.Errorf("%d reviews count %d uses of %d", len(page.Reviews), counted, rows)
		}
		t.Logf("%d rows, %d of them of the page's bindings: median %s, first %s", rows, counted, took[len(took)/2], took[len(took)-1])
	})
}

// seedTrail writes the trail behind the store's back, and 2,000 bindings.
func seedTrail(t *testing.T, k *storetest.Kit, rows int) {
	t.Helper()
	numbers := "(with recursive n(i) as (select 0 union all select i + 1 from n where i < cast($1 as bigint) - 1) select i from n) as numbers"
	now := k.Clock.Now().UnixMicro()
	const day = int64(24 * time.Hour / time.Microsecond)
	for _, q := range []struct {
		sql  string
		args []any
	}{
		{`update audit_log set at = $1`, []any{now - 100*day}},
		{`insert into spaces (id, parent, name, name_key, description, labels, inherit, created_at)
			select 's' || i, 'root', 's' || i, 's' || i, '', '[]', true, 1 from ` + numbers, []any{2000}},
		{`insert into role_bindings (id, actor_kind, actor_id, role_id, space_id, entity_kind, entity_id, not_after, created_at, created_by)
			select 'binding-' || i, 'api_key', cast($2 as text), cast($3 as text), 's' || i, '', '', 0, cast($4 as bigint) + i, 'test' from ` + numbers,
			[]any{2000, string(k.KeyID("busy")), string(k.RoleID("space-writer")), now - 200*day}},
		{`insert into audit_log (id, at, actor, actor_roles, event, mutation, action, object_kind, object_id, spaces, args, outcome, reason,
			remote_ip, request_id, run_id, stack_id, revision, uses, acted_as)
			select 'row-' || i, cast($2 as bigint) + i * cast($3 as bigint), 'api::x', '["space-writer"]', 'run.confirm', 'runConfirm', 'run:confirm', 'run', '01J000', '["s1"]', '{}',
			'allowed', '', '192.0.2.1', 'request', '', '', 1, '[{"binding":"binding-' || ` + busiest + ` || '","action":"run:confirm"}]', '' from ` + numbers,
			[]any{rows, now - 90*day, 90 * day / int64(rows)}},
		{`insert into binding_uses (binding_id, day, action, shard, done, held, last_at)
			select 'binding-' || ` + busiest + `, a.at / 86400000000, case i / 4 % 4 when 0 then 'run:trigger' when 1 then 'run:discard' else 'run:confirm' end,
			i / 2 % $2, count(*), 0, max(a.at) from ` + numbers + ` join audit_log a on a.id = 'row-' || i group by 1, 2, 3, 4`,
			[]any{rows, shards[k.Postgres()]}},
	} {
		if err := k.Exec(t, q.sql, q.args...); err != nil {
			t.Fatalf("%s: %v", q.sql, err)
		}
	}
	if k.Postgres() {
		if err := k.Exec(t, "vacuum analyze"); err != nil {
			t.Fatal(err)
		}
	}
}

// shards is on how many rows the store spreads a count.
var shards = map[bool]int{false: 1, true: 16}

// busiest gives every second row to the first binding of the first page.
const busiest = `case i % 2 when 0 then 0 else i / 2 % 2000 end`
