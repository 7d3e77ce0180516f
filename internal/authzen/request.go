package authzen

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/airlock-project/airlock/authz"
)

// entity is a subject or a resource as it was written.
type entity struct {
	kind, id       string
	hasKind, hasID bool
}

// part is a bit for each member of a question.
type part uint8

const (
	partSubject part = 1 << iota
	partAction
	partResource
	partContext
	partEvaluations
	partOptions
	partPage
)

// question is one question: of its members, those that are there.
type question struct {
	subject, resource entity
	action            string
	hasName           bool
	// phase is context.phase: which phase of its runs a stack is asked about.
	phase string
	has   part
	// problem says what is wrong with it.
	problem string
}

// request is the body of a request.
type request struct {
	question
	evaluations []question // with what they inherit
	semantic    string     // of the evaluations
	page        page
}

// page is what a search asks to see of its results.
type page struct {
	token    string
	limit    int
	hasLimit bool
}

// The semantics of several evaluations.
const (
	executeAll          = "execute_all"
	denyOnFirstDeny     = "deny_on_first_deny"
	permitOnFirstPermit = "permit_on_first_permit"
)

// badRequest is what a request is refused for as a whole.
type badRequest string

func (b badRequest) Error() string { return string(b) }

// parser reads a request. It ignores members that it does not know, wherever
// they are, and takes null for absent.
type parser struct {
	*scanner
	reads part // members beside the four of a question
}

// parse reads a body. reads are the members beyond those of a single question
// that this endpoint knows.
func parse(body string, reads part) (r request, err error) {
	p := parser{newScanner(body), reads}
	r.semantic = executeAll
	if p.peek() != '{' {
		p.fail("an object is missing")
	}
	p.object(func(name string) {
		if !p.member(&r.question, name) && !p.extra(&r, name) {
			p.skip()
		}
	})
	p.end()
	if p.err != nil {
		return r, badRequest(p.err.Error())
	}
	if r.problem != "" {
		return r, badRequest(r.problem)
	}
	for i := range r.evaluations {
		r.evaluations[i].inherit(&r.question)
	}
	return r, nil
}

// member reads a member of a question; false if it is none.
func (p *parser) member(q *question, name string) bool {
	switch name {
	case "subject":
		if p.open(q, partSubject, name) {
			p.entity(q, &q.subject, name)
		}
	case "resource":
		if p.open(q, partResource, name) {
			p.entity(q, &q.resource, name)
		}
	case "action":
		if p.open(q, partAction, name) {
			p.action(q)
		}
	case "context":
		if p.open(q, partContext, name) {
			p.context(q)
		}
	default:
		return false
	}
	return true
}

// open notes a member that must be an object, and whether it is there: null
// is not.
func (p *parser) open(q *question, what part, name string) bool {
	return p.value(q, what, name, '{', "an object")
}

// value notes a member whose value begins with first.
func (p *parser) value(q *question, what part, name string, first byte, form string) bool {
	p.once(&q.has, what, "", name)
	switch p.peek() {
	case first:
		return true
	case 'n':
		q.has &^= what
	default:
		q.blame("%s: must be %s", name, form)
	}
	p.skip()
	return false
}

// once refuses a member that occurs twice: what it says would depend on who
// reads it.
func (p *parser) once(has *part, what part, of, name string) {
	if *has&what != 0 {
		p.fail("%s occurs twice", strings.TrimPrefix(of+"."+name, "."))
	}
	*has |= what
}

// blame keeps the first problem.
func (q *question) blame(format string, args ...any) {
	if q.problem == "" {
		q.problem = fmt.Sprintf(format, args...)
	}
}

func (p *parser) entity(q *question, e *entity, of string) {
	var has part
	p.object(func(name string) {
		switch name {
		case "type":
			p.once(&has, 1, of, name)
			e.kind, e.hasKind = p.text(q, of, name)
		case "id":
			p.once(&has, 2, of, name)
			e.id, e.hasID = p.text(q, of, name)
		default:
			p.properties(q, of, name)
		}
	})
}

func (p *parser) action(q *question) {
	var has part
	p.object(func(name string) {
		if name != "name" {
			p.properties(q, "action", name)
			return
		}
		p.once(&has, 1, "action", name)
		q.action, q.hasName = p.text(q, "action", name)
	})
}

// text reads a string; ok is false if it is null or something else.
func (p *parser) text(q *question, of, name string) (value string, ok bool) {
	switch p.peek() {
	case '"':
		return p.str(), true
	case 'n':
	default:
		q.blame("%s.%s: must be a string", of, name)
	}
	p.skip()
	return "", false
}

// properties skips a member that counts for nothing. What is called properties
// must be an object all the same.
func (p *parser) properties(q *question, of, name string) {
	if c := p.peek(); name == "properties" && c != '{' && c != 'n' {
		q.blame("%s.properties: must be an object", of)
	}
	p.skip()
}

func (p *parser) context(q *question) {
	var has part
	p.object(func(name string) {
		if name == "phase" {
			p.once(&has, 1, "context", name)
			if p.peek() == '"' {
				q.phase = p.str()
				return
			}
		}
		p.skip()
	})
}

// extra reads a member that only some endpoints know; false if this one does
// not.
func (p *parser) extra(r *request, name string) bool {
	q := &r.question
	switch {
	case name == "evaluations" && p.reads&partEvaluations != 0:
		if p.value(q, partEvaluations, name, '[', "an array") {
			p.array(func() { p.evaluation(r) })
		}
	case name == "options" && p.reads&partOptions != 0:
		if p.open(q, partOptions, name) {
			p.options(r)
		}
	case name == "page" && p.reads&partPage != 0:
		if p.open(q, partPage, name) {
			p.page(r)
		}
	default:
		return false
	}
	return true
}

// maxEvaluations is how many questions one request may ask.
const maxEvaluations = 1000

func (p *parser) evaluation(r *request) {
	if len(r.evaluations) == maxEvaluations {
		r.blame("evaluations: at most %d questions are answered at once", maxEvaluations)
	}
	if r.problem != "" {
		p.skip()
		return
	}
	if r.evaluations == nil {
		// A guess that saves copying: few questions take less than 100 bytes.
		r.evaluations = make([]question, 0, min(maxEvaluations, 1+(len(p.scanner.text)-p.at)/100))
	}
	r.evaluations = append(r.evaluations, question{})
	q := &r.evaluations[len(r.evaluations)-1]
	if p.peek() != '{' {
		q.blame("must be an object")
		p.skip()
		return
	}
	p.object(func(name string) {
		if !p.member(q, name) {
			p.skip()
		}
	})
}

func (p *parser) options(r *request) {
	var has part
	p.object(func(name string) {
		if name != "evaluations_semantic" {
			p.skip()
			return
		}
		p.once(&has, 1, "options", name)
		value, ok := p.text(&r.question, "options", name)
		switch {
		case !ok:
		case value == executeAll, value == denyOnFirstDeny, value == permitOnFirstPermit:
			r.semantic = value
		default:
			r.blame("options.evaluations_semantic: must be %s, %s or %s", executeAll, denyOnFirstDeny, permitOnFirstPermit)
		}
	})
}

func (p *parser) page(r *request) {
	var has part
	p.object(func(name string) {
		switch name {
		case "token":
			p.once(&has, 1, "page", name)
			r.page.token, _ = p.text(&r.question, "page", name)
		case "limit":
			p.once(&has, 2, "page", name)
			p.limit(r)
		default:
			p.properties(&r.question, "page", name)
		}
	})
}

func (p *parser) limit(r *request) {
	c := p.peek()
	if c == 'n' {
		p.skip()
		return
	}
	if c == '-' || '0' <= c && c <= '9' {
		if n, err := strconv.ParseUint(p.number(), 10, 31); err == nil {
			r.page.limit, r.page.hasLimit = int(n), true
			return
		}
	} else {
		p.skip()
	}
	r.blame("page.limit: must be a whole number, not negative")
}

// inherit gives an evaluation the members that it leaves out, each as a whole.
func (q *question) inherit(from *question) {
	if q.has&partSubject == 0 {
		q.subject = from.subject
	}
	if q.has&partAction == 0 {
		q.action, q.hasName = from.action, from.hasName
	}
	if q.has&partResource == 0 {
		q.resource = from.resource
	}
	if q.has&partContext == 0 {
		q.phase = from.phase
	}
	q.has |= from.has & (partSubject | partAction | partResource | partContext)
}

// complete blames a question for what is missing of it. A search leaves out
// the id of what it looks for.
func (q *question) complete(needs part, subjectID, resourceID bool) {
	if needs&partSubject != 0 {
		q.need(q.has&partSubject != 0, "subject")
		q.need(q.subject.hasKind, "subject.type")
		q.need(q.subject.hasID || !subjectID, "subject.id")
	}
	if needs&partAction != 0 {
		q.need(q.has&partAction != 0, "action")
		q.need(q.hasName, "action.name")
	}
	if needs&partResource != 0 {
		q.need(q.has&partResource != 0, "resource")
		q.need(q.resource.hasKind, "resource.type")
		q.need(q.resource.hasID || !resourceID, "resource.id")
	}
}

func (q *question) need(there bool, what string) {
	if !there {
		q.blame("%s: is missing", what)
	}
}

// actorKinds are the types of subjects.
var actorKinds = map[string]authz.ActorKind{
	authz.ActorUser.String():   authz.ActorUser,
	authz.ActorAPIKey.String(): authz.ActorAPIKey,
	authz.ActorGroup.String():  authz.ActorGroup,
	authz.ActorStack.String():  authz.ActorStack,
}
