package domain

import (
	"time"

	"github.com/airlock-project/airlock/authz"
)

// TransferKind says what a URL of its own right is for.
type TransferKind string

// The kinds of transfers.
const (
	StateDownload        TransferKind = "STATE_DOWNLOAD"
	StateUpload          TransferKind = "STATE_UPLOAD"
	RefusedStateDownload TransferKind = "REFUSED_STATE_DOWNLOAD"
)

// How long transfers live.
const (
	StateDownloadTime = time.Minute      // of a URL to download from (security case 66)
	StateUploadTime   = 15 * time.Minute // of a URL to upload to
	StateUploadKept   = time.Hour        // of what was uploaded and is not used
	MaxStateUploads   = 5                // that one caller may have at a time
)

// Transfer is a URL that gives what its maker may have at that time, once,
// without other credentials; or what was uploaded to one.
type Transfer struct {
	ID        TransferID
	Kind      TransferKind
	Hash      []byte // of the secret in its URL; nil once that is spent
	StackID   StackID
	Version   StateVersionID // or the id of a refused state
	By        Requester
	Size      int // of what was uploaded
	ExpiresAt time.Time
}

// Requester is a caller as it is kept: what a later request needs to decide
// about him anew.
type Requester struct {
	Subject authz.Subject
	Name    string // in the audit trail
	Run     RunID  // and the rest of a run that called
	Epoch   int
	Stack   StackID
}
