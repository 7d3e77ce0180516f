package graphql

var repoPermissions = []permission{
	{field: "repo", make: aRepo},
	{field: "revision", doc: `query($repo:ID!){revision(repoID:$repo){id}}`, make: committed},
	{field: "repo.*", doc: `query($id:ID!){repo(id:$id){*}}`, make: aRepo},
	{field: "repo.space", doc: `query($id:ID!){repo(id:$id){space{id}}}`, make: aRepo},
	{field: "repos", doc: `query($space:ID!){repos(spaceID:$space){edges{node{id}}}}`, make: func(o *object) vars {
		o.shown(o.repo())
		return vars{"space": o.space}
	}},
	{field: "searchRepos", doc: `query($name:String!){searchRepos(input:{fullTextSearch:$name}){edges{node{id}}}}`, make: func(o *object) vars {
		return vars{"name": o.shown(o.repo())}
	}},
	{field: "revision.*", doc: `query($repo:ID!){revision(repoID:$repo){*}}`, make: committed},
	{field: "searchRevisions", doc: `query($repo:ID!){searchRevisions(repoID:$repo,input:{}){edges{node{sha}}}}`, make: committed},
	{field: "searchRepoFiles", doc: `query($repo:ID!){searchRepoFiles(repoID:$repo,input:{}){edges{node{filePath content{content}}}}}`, make: committed},
	{field: "repoFileHistory", doc: `query($repo:ID!){repoFileHistory(repoID:$repo,filePath:"main.tf",first:1){edges{node{filePath}}}}`, make: committed},
	{
		field: "repoFileHistory.edges.node.*", make: committed,
		doc: `query($repo:ID!){repoFileHistory(repoID:$repo,filePath:"main.tf",first:1){edges{node{*}}}}`,
	},
	{field: "repoCreate", make: func(o *object) vars { return vars{"input": vars{"name": o.name("repo"), "spaceID": o.space}} }},
	{field: "repoUpdate", make: func(o *object) vars { return vars{"id": o.repo(), "input": vars{"name": "another"}} }},
	{field: "repoDelete", make: func(o *object) vars { return vars{"id": o.repo()} }},
	{field: "revisionCreate", make: func(o *object) vars { return vars{"input": commitOf(o.repo())} }},
}

// repo makes a built-in repository in the object's space.
func (o *object) repo() string {
	a := o.admin.query(`mutation($input:RepoCreateInput!){repoCreate(input:$input){id}}`, vars{"input": vars{"name": o.name("repo"), "spaceID": o.space}})
	if a.Errors != nil {
		o.t.Fatal(a.raw)
	}
	return id(a.Data["repoCreate"].(map[string]any))
}

func aRepo(o *object) vars { return vars{"id": o.repo()} }

func commitOf(repo string) vars {
	return vars{"repoID": repo, "message": "One", "authorName": "Ann", "files": []any{vars{"path": "main.tf", "content": "eA=="}}}
}

// committed is a repository with a revision.
func committed(o *object) vars {
	repo := o.repo()
	if a := o.admin.query(`mutation($input:RevisionCreateInput!){revisionCreate(input:$input){id}}`, vars{"input": commitOf(repo)}); a.Errors != nil {
		o.t.Fatal(a.raw)
	}
	return vars{"repo": repo}
}
