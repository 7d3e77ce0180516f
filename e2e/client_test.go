package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// client speaks to the API as one key.
type client struct {
	endpoint, token string
	acknowledged    *int // mutations that were answered without an error
}

// signIn exchanges a key for a token, as the public clients do.
func signIn(t testing.TB, endpoint, id, secret string) *client {
	t.Helper()
	c := &client{endpoint: endpoint, acknowledged: new(int)}
	var out struct {
		APIKeyUser *struct {
			JWT        string `json:"jwt"`
			ValidUntil int64  `json:"validUntil"`
		} `json:"apiKeyUser"`
	}
	c.must(t, `mutation($id:ID!$secret:String!){apiKeyUser(id:$id,secret:$secret){jwt,validUntil}}`, vars{"id": id, "secret": secret}, &out)
	if out.APIKeyUser == nil || out.APIKeyUser.ValidUntil < time.Now().Unix() {
		t.Fatalf("the exchange answered %+v", out)
	}
	c.token, *c.acknowledged = out.APIKeyUser.JWT, 0
	return c
}

type vars map[string]any

// apiError is the first error of an answer.
type apiError struct {
	Message    string
	Extensions struct{ Code, Field string }
}

func (e *apiError) Error() string { return e.Extensions.Code + ": " + e.Message }

// try sends one document and decodes its data into out.
func (c *client) try(query string, v vars, out any) error {
	body, err := json.Marshal(map[string]any{"query": query, "variables": v})
	if err != nil {
		return err
	}
	req, err := http.NewRequest(http.MethodPost, c.endpoint+"/graphql", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("HTTP status %s", res.Status)
	}
	var answer struct {
		Data   json.RawMessage
		Errors []*apiError
	}
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		return err
	}
	if len(answer.Errors) > 0 {
		return answer.Errors[0]
	}
	if strings.HasPrefix(query, "mutation") {
		*c.acknowledged++
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(answer.Data, out)
}

// must is try for what has to work.
func (c *client) must(t testing.TB, query string, v vars, out any) {
	t.Helper()
	if err := c.try(query, v, out); err != nil {
		t.Fatalf("%s\n%v\n%v", query, v, err)
	}
}

// refused sends a document that must be refused with a code and a message
// that contains all the words.
func (c *client) refused(t *testing.T, query string, v vars, code string, words ...string) {
	t.Helper()
	err := c.try(query, v, nil)
	e, ok := err.(*apiError)
	if !ok || e.Extensions.Code != code {
		t.Fatalf("%s\n%v\nwant code %s, got %v", query, v, code, err)
	}
	for _, w := range words {
		if !strings.Contains(e.Message, w) {
			t.Errorf("the message %q does not contain %q", e.Message, w)
		}
	}
}

// id sends a mutation whose answer is {field: {id}} and returns the id.
func (c *client) id(t testing.TB, query string, v vars) string {
	t.Helper()
	var out map[string]struct{ ID string }
	c.must(t, query, v, &out)
	for _, o := range out {
		return o.ID
	}
	t.Fatalf("%s: empty answer", query)
	return ""
}

// The documents, as the public provider and CLI send them.
const (
	spaceCreate       = `mutation($input:SpaceInput!){spaceCreate(input:$input){id,name,description,inheritEntities,parentSpace,labels}}`
	roleCreate        = `mutation($input:RoleInput!){roleCreate(input:$input){id,slug,isSystem,name,description,actions}}`
	apiKeyCreate      = `mutation($input:ApiKeyInput!){apiKeyCreate(input:$input){id,secret,name,type,teams}}`
	keyBindingCreate  = `mutation($input:ApiKeyRoleBindingInput!){apiKeyRoleBindingCreate(input:$input){id,apiKeyID,role{id},spaceID}}`
	stackBindCreate   = `mutation($input:StackRoleBindingInput!){stackRoleBindingCreate(input:$input){id,role{id},space{id}}}`
	stackCreate       = `mutation($input:StackInput!$manageState:Boolean!$slug:String){stackCreate(input:$input,manageState:$manageState,slug:$slug){id,space,managesStateFile}}`
	stackConfigAdd    = `mutation($config:ConfigInput!$stack:ID!){stackConfigAdd(stack:$stack,config:$config){id,checksum,value,writeOnly}}`
	runTrigger        = `mutation($stack:ID!$sha:String$type:RunType){runTrigger(stack:$stack,commitSha:$sha,runType:$type){id}}`
	runConfirm        = `mutation($run:ID!$stack:ID!){runConfirm(stack:$stack,run:$run){id}}`
	runDiscard        = `mutation($run:ID!$stack:ID!){runDiscard(stack:$stack,run:$run){id}}`
	runQuery          = `query($run:ID!$stack:ID!){stack(id:$stack){run(id:$run){id,state,finished,delta{addCount,changeCount,deleteCount,resources},commit{hash,authorName,message},history{state,stateVersion,note,terminal,hasLogs,username}}}}`
	logsQuery         = `query($run:ID!$stack:ID!$state:RunState!$token:String$stateVersion:Int){stack(id:$stack){run(id:$run){logs(state:$state,token:$token,stateVersion:$stateVersion){exists,finished,hasMore,nextToken,messages{message}}}}}`
	stackOutputsQuery = `query($id:ID!){stack(id:$id){outputs{id,value,sensitive}}}`
)

// run is a run as runQuery answers it.
type run struct {
	ID       string
	State    string
	Finished bool
	Delta    *struct{ AddCount, ChangeCount, DeleteCount, Resources int }
	Commit   struct{ Hash, AuthorName, Message string }
	History  []struct {
		State, Note, Username string
		StateVersion          int
		Terminal, HasLogs     bool
	}
}

func (c *client) run(t *testing.T, stack, id string) run {
	t.Helper()
	var out struct{ Stack struct{ Run *run } }
	c.must(t, runQuery, vars{"stack": stack, "run": id}, &out)
	if out.Stack.Run == nil {
		t.Fatalf("run %s of stack %s: null", id, stack)
	}
	return *out.Stack.Run
}

// reaches polls a run until it is in the state; a run that ends in another one
// fails the test with its log.
func (c *client) reaches(t *testing.T, stack, id, state string) run {
	t.Helper()
	var r run
	await(t, "run "+id+" to be "+state, 90*time.Second, func() bool {
		r = c.run(t, stack, id)
		if r.Finished && r.State != state {
			t.Fatalf("run %s is %s (%s), not %s; its log:\n%s", id, r.State, r.History[0].Note, state, c.wholeLog(t, stack, id))
		}
		return r.State == state
	})
	return r
}

// log reads the log of one state as the CLI does.
func (c *client) log(t *testing.T, stack, id, state string) (text string, finished bool) {
	t.Helper()
	var token *string
	for {
		var out struct {
			Stack struct {
				Run struct {
					Logs *struct {
						Exists, Finished, HasMore bool
						NextToken                 string
						Messages                  []struct{ Message string }
					}
				}
			}
		}
		c.must(t, logsQuery, vars{"stack": stack, "run": id, "state": state, "token": token}, &out)
		l := out.Stack.Run.Logs
		if l == nil {
			return text, true
		}
		for _, m := range l.Messages {
			text += m.Message
		}
		if !l.HasMore {
			return text, l.Finished
		}
		token = &l.NextToken
	}
}

func (c *client) wholeLog(t *testing.T, stack, id string) string {
	t.Helper()
	var all strings.Builder
	h := c.run(t, stack, id).History
	for i := len(h) - 1; i >= 0; i-- {
		text, _ := c.log(t, stack, id, h[i].State)
		fmt.Fprintf(&all, "-- %s %s\n%s", h[i].State, h[i].Note, text)
	}
	return all.String()
}
