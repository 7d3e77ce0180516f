package graphql

import (
	"context"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/graphql/generated"
	"github.com/airlock-project/airlock/internal/runs"
)

func proposeInput(ctx context.Context, stack string, env []*generated.EnvironmentVariable) runs.ProposeInput {
	in := runs.ProposeInput{Stack: domain.StackID(stack), Metadata: runMetadata(ctx)}
	for _, e := range env {
		in.Settings.Env = append(in.Settings.Env, domain.EnvOverride{Name: e.Key, Value: e.Value})
	}
	return in
}

func newUpload(u runs.Upload) *generated.LocalWorkspaceUpload {
	return &generated.LocalWorkspaceUpload{
		ID: string(u.Workspace), UploadURL: u.URL, UploadHeaders: &generated.StringMapOutput{Entries: []*generated.StringMapEntry{}},
	}
}
