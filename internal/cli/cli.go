// Package cli is the command line's side of the public API: what `airlock
// access` asks a server and how it shows the answer. It is a client like any
// other: it decides nothing, knows no rule and reaches no database.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/alecthomas/kong"
)

// Exit statuses of `airlock access`.
const (
	exitOK     = 0
	exitError  = 1
	exitDenied = 2
)

// Access is the command `airlock access` with everything below it.
type Access struct {
	connection `embed:""`

	Explain   explainCmd   `cmd:"" help:"Explain why somebody may do something, or what he lacks."`
	Effective effectiveCmd `cmd:"" help:"List what somebody may do somewhere, and by what."`
	WhoCan    whoCanCmd    `cmd:"" help:"List who may do something, and by what."`
	WhatIf    whatIfCmd    `cmd:"" help:"Try changes of access out: who would gain and lose what, and which escalation paths would open."`
	Paths     pathsCmd     `cmd:"" help:"List the ways in which somebody can come to hold more than his roles say."`

	Requests requestsCmd `cmd:"" help:"List requests for access: your own, and those that you may decide."`
	Request  requestCmd  `cmd:"" help:"Ask for a role for a while."`
	Grant    grantCmd    `cmd:"" help:"Grant a request for access."`
	Refuse   refuseCmd   `cmd:"" help:"Refuse a request for access."`
	Cancel   cancelCmd   `cmd:"" help:"Take a request of your own back."`
	Grants   grantsCmd   `cmd:"" help:"List role bindings that end soon."`
	Review   reviewCmd   `cmd:"" help:"Compare role bindings with what they were used for, and name what would have been enough."`
}

// Help is shown below the list of commands.
func (Access) Help() string {
	return `Credentials come from the environment, never from arguments: AIRLOCK_API_KEY_ID and AIRLOCK_API_KEY_SECRET, or
AIRLOCK_API_TOKEN. Where neither an endpoint nor any of these is given, SPACELIFT_API_KEY_ENDPOINT with
SPACELIFT_API_KEY_ID and SPACELIFT_API_KEY_SECRET, or with SPACELIFT_API_TOKEN, does.

Actors are written as user:ID, api_key:ID, group:ID or stack:ID, in questions also as group:NAME or me; things as
stack:ID, context:ID, policy:ID or worker_pool:ID, in questions also as repo:ID; spaces by their id; spans of time as 30m,
8h or 7d.

Exit status: 0 when it worked (and the answer, if it is a decision, is yes), 2 when access is denied, 1 for everything
else.`
}

// AfterApply hands the session to the command that runs.
func (a *Access) AfterApply(ctx context.Context, k *kong.Context) error {
	k.Bind(&session{ctx: ctx, out: k.Stdout, errors: k.Stderr, connection: &a.connection, now: time.Now})
	return nil
}

// Denied ends a command with the status that says no: the server refused it,
// or the decision that was asked for is no.
type Denied struct {
	// Message is empty when the output already says it.
	Message string
}

func (d *Denied) Error() string { return d.Message }

// ExitStatus is what a process ends with after a command returned err.
func ExitStatus(err error) int {
	var denied *Denied
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &denied):
		return exitDenied
	default:
		return exitError
	}
}

// session is what a command gets of the world: the API, and where its answer
// goes.
type session struct {
	ctx         context.Context
	out, errors io.Writer
	connection  *connection
	now         func() time.Time

	api *api // opened by the first question
}

// query asks the API and decodes the data of its answer into out. It may be
// sent a second time when the first got lost.
func (s *session) query(document string, variables map[string]any, out any) error {
	return s.ask(document, variables, out, true)
}

// mutate is query for what changes something: it is sent once, because a lost
// answer does not say that nothing happened.
func (s *session) mutate(document string, variables map[string]any, out any) error {
	return s.ask(document, variables, out, false)
}

func (s *session) ask(document string, variables map[string]any, out any, again bool) error {
	if s.api == nil {
		opened, err := s.connection.open(s.ctx)
		if err != nil {
			return err
		}
		s.api = opened
	}
	warnings, err := s.api.ask(s.ctx, question{document, variables}, out, again)
	for _, w := range warnings {
		_, _ = fmt.Fprintln(s.errors, "airlock: warning: "+clean(w)) // the answer matters more
	}
	return err
}

// show prints an answer: as JSON where that is asked for, else as readable
// writes it.
func (s *session) show(answer any, readable func(w io.Writer) error) error {
	if s.connection.JSON {
		return writeJSON(s.out, answer)
	}
	return readable(s.out)
}
