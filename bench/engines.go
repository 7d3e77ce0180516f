package main

import "github.com/airlock-project/airlock/authz/worlds"

// decide answers one question with a loaded engine.
type decide func(worlds.Question) (bool, error)

// engine is one of those compared.
type engine struct {
	name   string
	module string // its path, by which its version is found
	load   func(*world) (decide, error)
	small  bool // does not load a large world, or takes seconds to answer
}

const ours = "Airlock"

var engines = []engine{
	{ours, "", loadAirlock, false},
	{"cedar-go", "github.com/cedar-policy/cedar-go", loadCedar, false},
	{"OPA", "github.com/open-policy-agent/opa", loadOPA, false},
	{"casbin, own role manager", "github.com/casbin/casbin/v3", loadCasbin, false},
	{"OpenFGA, indexed store", "github.com/openfga/openfga", loadOpenFGAIndexed, false},
	{"SpiceDB, indexed store", "github.com/authzed/spicedb", loadSpiceDBIndexed, false},
	{"casbin, domains by pattern", "github.com/casbin/casbin/v3", loadCasbinPaths, true},
	{"OpenFGA, memory store", "github.com/openfga/openfga", loadOpenFGA, true},
	{"SpiceDB, memory store", "github.com/authzed/spicedb", loadSpiceDB, true},
}
