package main

import (
	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/authz/worlds"
)

// loadAirlock compiles the world; each question is one Decide.
func loadAirlock(w *world) (decide, error) {
	s, err := authz.Compile(w.World)
	if err != nil {
		return nil, err
	}
	return func(q worlds.Question) (bool, error) {
		return s.Decide(q.Subject, q.Action, q.Target, worlds.Now).Allowed(), nil
	}, nil
}
