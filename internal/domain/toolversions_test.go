package domain

import "testing"

func TestNewestVersion(t *testing.T) {
	have := []string{"1.9.3", "1.12.6-dev", "2.0.0-rc1", "1.10.0", "1.10.0", "odd"}
	for constraints, want := range map[string]string{
		"~> 1.9": "1.12.6-dev", "1.12.6": "1.12.6-dev", "< 1.10": "1.9.3", ">= 1.10, < 1.12": "1.10.0", "= 3.0": "", "1.10": "1.10.0",
	} {
		if got, err := NewestVersion("c", have, constraints); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", constraints, got, err, want)
		}
	}
	for _, bad := range []string{"", "newest", "1.x", "~> 1\n2"} {
		if _, err := NewestVersion("c", have, bad); ErrorCode(err) != CodeInvalid {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if got := JoinVersions("1.10.0", have); got != "1.10.0,2.0.0-rc1,1.12.6-dev,1.9.3" {
		t.Errorf("told %s", got)
	}
}

func TestToolVersion(t *testing.T) {
	tofu := func(version string) Vendor { return Vendor{OpenTofu: &TofuVendor{Version: version}} }
	terraform := func(version, tool string) Vendor {
		return Vendor{Terraform: &TofuVendor{Version: version, WorkflowTool: tool}}
	}
	full := map[string]string{"opentofu": "1.10.0,1.12.6,1.9.3", "terraform": "1.5.7"}
	for i, c := range []struct {
		has    map[string]string
		vendor Vendor
		want   string
	}{
		{full, tofu(""), "1.10.0"},
		{full, tofu(">= 1.9"), "1.10.0"},
		{full, tofu("> 1.10"), "1.12.6"},
		{full, tofu("~> 1.9.0"), "1.9.3"},
		{full, tofu("2.0.0"), ""},
		{full, tofu("new"), ""},
		{full, terraform("", ""), "1.10.0"},
		{full, terraform("< 1.10", "OPEN_TOFU"), "1.9.3"},
		{full, terraform("", WorkflowTerraform), "1.5.7"},
		{full, terraform("~> 1.5.0", WorkflowTerraform), "1.5.7"},
		{full, terraform("1.4.0", WorkflowTerraform), "1.10.0"},
		{map[string]string{"opentofu": "1.10.0"}, terraform("", WorkflowTerraform), "1.10.0"},
		{map[string]string{"opentofu": "1.12.6-dev"}, tofu("1.12.6"), "1.12.6-dev"},
		{map[string]string{"opentofu": "what I like"}, tofu(""), ""},
		{map[string]string{"terraform": "1.5.7"}, tofu(""), ""},
		{nil, tofu(""), ""},
		{full, terraform("", WorkflowCustom), ""},
		{full, Vendor{Pulumi: &PulumiVendor{}}, ""},
	} {
		if got := (Worker{Metadata: c.has}).ToolVersion(c.vendor); got != c.want {
			t.Errorf("case %d: %q, want %q", i, got, c.want)
		}
	}
}
