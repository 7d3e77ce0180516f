package graphql

import (
	"context"
	"strconv"
	"strings"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/graphql/generated"
	"github.com/airlock-project/airlock/internal/graphql/view"
)

// How the audit trail is read: in batches, and no more than so many entries
// for one page. A page may be short, or empty, and still have a next one.
const (
	auditBatch = 200
	auditScan  = 10_000
)

var searchableAudit = searchable[domain.AuditEntry]{
	words: func(e domain.AuditEntry) []string {
		return []string{e.Event, e.Actor, e.ObjectKind, e.ObjectID, e.Mutation, e.Args, e.Reason, e.RequestID}
	},
	fields: map[string]func(domain.AuditEntry) []string{
		"action":       func(e domain.AuditEntry) []string { return []string{e.Event} },
		"actor":        func(e domain.AuditEntry) []string { return []string{e.Actor} },
		"actorRole":    func(e domain.AuditEntry) []string { return e.ActorRoles },
		"eventType":    func(e domain.AuditEntry) []string { return []string{newAuditEntry(e).EventType()} },
		"mutation":     func(e domain.AuditEntry) []string { return []string{e.Mutation} },
		"outcome":      func(e domain.AuditEntry) []string { return []string{newAuditEntry(e).Outcome()} },
		"permission":   func(e domain.AuditEntry) []string { return []string{e.Action} },
		"remoteIP":     func(e domain.AuditEntry) []string { return []string{e.RemoteIP} },
		"requestId":    func(e domain.AuditEntry) []string { return []string{e.RequestID} },
		"resourceId":   func(e domain.AuditEntry) []string { return []string{e.ObjectID} },
		"resourceType": func(e domain.AuditEntry) []string { return []string{e.ObjectKind} },
		"run":          func(e domain.AuditEntry) []string { return []string{string(e.RunID)} },
		"space":        func(e domain.AuditEntry) []string { return newAuditEntry(e).Spaces() },
	},
}

func newAuditEntry(e domain.AuditEntry) *view.AuditTrailEntry {
	return &view.AuditTrailEntry{Entry: e}
}

// searchAudit reads the trail backwards until a page is full.
func (r *Resolver) searchAudit(ctx context.Context, in generated.SearchInput) (*generated.SearchAuditTrailEntriesOutput, error) {
	size, err := pageSize(in.First)
	if err != nil {
		return nil, err
	}
	if err := checkAuditOrder(in.OrderBy); err != nil {
		return nil, err
	}
	matches, err := searchableAudit.matcher(in)
	if err != nil {
		return nil, err
	}
	before, err := parseAuditCursor(text(in.After))
	if err != nil {
		return nil, err
	}
	s := auditScanner{read: r.Audit.Entries, matches: matches, size: size, before: before}
	if err := s.run(ctx); err != nil {
		return nil, err
	}
	return &generated.SearchAuditTrailEntriesOutput{
		Edges: s.edges,
		PageInfo: &generated.PageInfo{
			EndCursor: s.cursor(), HasNextPage: s.more, HasPreviousPage: before != 0,
		},
	}, nil
}

func checkAuditOrder(by *generated.QueryOrder) error {
	if by == nil {
		return nil
	}
	descending, err := isDescending(by)
	if err == nil && (by.Field != "createdAt" || !descending) {
		err = domain.Invalid("orderBy", "the audit trail is read newest first: createdAt, DESC")
	}
	return err
}

type auditScanner struct {
	read    func(ctx context.Context, before int64, limit int) ([]domain.AuditEntry, error)
	matches func(domain.AuditEntry) bool
	size    int

	before int64 // sequence of the last entry read
	edges  []*generated.SearchAuditTrailEntriesEdge
	more   bool
}

func (s *auditScanner) run(ctx context.Context) error {
	for scanned := 0; scanned < auditScan; scanned += auditBatch {
		batch, err := s.read(ctx, s.before, auditBatch)
		if err != nil {
			return err
		}
		for i, e := range batch {
			s.before = e.Sequence
			if !s.matches(e) {
				continue
			}
			s.edges = append(s.edges, &generated.SearchAuditTrailEntriesEdge{Cursor: *s.cursor(), Node: newAuditEntry(e)})
			if len(s.edges) == s.size {
				s.more = i < len(batch)-1 || len(batch) == auditBatch
				return nil
			}
		}
		if len(batch) < auditBatch {
			return nil
		}
	}
	s.more = true
	return nil
}

const auditCursor = "audit-"

func (s *auditScanner) cursor() *string {
	if s.before == 0 {
		return nil
	}
	c := auditCursor + strconv.FormatInt(s.before, 10)
	return &c
}

func parseAuditCursor(s string) (int64, error) {
	if s == "" {
		return 0, nil
	}
	digits, ours := strings.CutPrefix(s, auditCursor)
	n, err := strconv.ParseInt(digits, 10, 64)
	if !ours || err != nil || n < 1 {
		return 0, domain.Invalid("after", "is not a cursor of an earlier page")
	}
	return n, nil
}
