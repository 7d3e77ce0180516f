package main

import (
	"net/netip"
	"regexp"
)

// accountFlags are facts about the account that only its operator knows. The
// API shows them to whoever asks.
type accountFlags struct {
	OutgoingIPs  []string `name:"outgoing-ips" env:"AIRLOCK_OUTGOING_IPS" help:"Addresses from which this server and its workers reach other systems, for those who ask the API. Default: none." placeholder:"LIST"`
	AWSAccountID string   `help:"AWS account that assumes roles for this server, for those who ask the API. Default: 000000000000, which is nobody's." default:"000000000000" placeholder:"ID"`
}

var awsAccountID = regexp.MustCompile(`^[0-9]{12}$`)

func (f *accountFlags) check(wrong func(flag, format string, args ...any)) {
	for _, ip := range f.OutgoingIPs {
		if _, err := netip.ParseAddr(ip); err != nil {
			wrong("outgoing-ips", "%q is not an IP address", ip)
		}
	}
	if !awsAccountID.MatchString(f.AWSAccountID) {
		wrong("aws-account-id", "must be 12 digits, not %q", f.AWSAccountID)
	}
}
