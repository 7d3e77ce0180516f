package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/airlock-project/airlock/internal/secrets"
)

// keysCmd changes the key file. Servers see a change within seconds.
type keysCmd struct {
	List   keysListCmd   `cmd:"" help:"List the keys of a key file."`
	Rotate keysRotateCmd `cmd:"" help:"Add a new key and make it the current one: for one server, or servers that share the file."`
	Add    keysAddCmd    `cmd:"" help:"Add a new key, or one from an archive, without making it the current one: for servers with files of their own."`
	Use    keysUseCmd    `cmd:"" help:"Make a key the current one."`
	Remove keysRemoveCmd `cmd:"" help:"Take a key that no record needs any more out, and archive it for old backups."`
}

// keyFileFlags say which key file is meant.
type keyFileFlags struct {
	Data    string `help:"Data directory of the server. Default: data." default:"data" type:"path" placeholder:"DIR"`
	KeyFile string `help:"The key file. Default: encryption.key in the data directory." type:"path" placeholder:"FILE"`
}

func (f keyFileFlags) load() (path string, keys []secrets.Key, err error) {
	if path = f.KeyFile; path == "" {
		path = filepath.Join(f.Data, "encryption.key")
	}
	keys, err = secrets.LoadKeys(path)
	return path, keys, err
}

type keysListCmd struct {
	keyFileFlags `embed:""`
}

// Run lists the keys by their ids.
func (c *keysListCmd) Run(e *env) error {
	_, keys, err := c.load()
	if err != nil {
		return err
	}
	for i, k := range keys {
		said := k.ID().String()
		if i == 0 {
			said += " current"
		}
		if _, err := fmt.Fprintln(e.stdout, said); err != nil {
			return err
		}
	}
	return nil
}

type keysRotateCmd struct {
	keyFileFlags `embed:""`
}

// Run adds a key in front of the others.
func (c *keysRotateCmd) Run(e *env) error {
	path, keys, err := c.load()
	if err != nil {
		return err
	}
	next := secrets.NewKey()
	if err := secrets.SaveKeys(path, append([]secrets.Key{next}, keys...)); err != nil {
		return err
	}
	_, err = fmt.Fprintf(e.stdout, "%s is the current key now; the server's log says when no record needs %s any more\n", next.ID(), keys[0].ID())
	return err
}

type keysAddCmd struct {
	keyFileFlags `embed:""`
	From         string `help:"File with keys to add, such as an archive or another server's key file. Without it a new key is made." type:"path" placeholder:"FILE"`
}

// Run adds keys behind the others.
func (c *keysAddCmd) Run(e *env) error {
	path, keys, err := c.load()
	if err != nil {
		return err
	}
	added := []secrets.Key{secrets.NewKey()}
	if c.From != "" {
		if added, err = secrets.LoadKeys(c.From); err != nil {
			return err
		}
	}
	for _, k := range added {
		if find(keys, k.ID().String()) < 0 {
			keys = append(keys, k)
		}
		if _, err := fmt.Fprintln(e.stdout, k.ID()); err != nil {
			return err
		}
	}
	return secrets.SaveKeys(path, keys)
}

type keysUseCmd struct {
	keyFileFlags `embed:""`
	ID           string `arg:"" help:"Id of the key, as listed."`
}

// Run moves a key to the front.
func (c *keysUseCmd) Run(*env) error {
	path, keys, err := c.load()
	if err != nil {
		return err
	}
	i := find(keys, c.ID)
	if i < 0 {
		return fmt.Errorf("there is no key %s in %s", c.ID, path)
	}
	return secrets.SaveKeys(path, append([]secrets.Key{keys[i]}, slices.Delete(slices.Clone(keys), i, i+1)...))
}

type keysRemoveCmd struct {
	keyFileFlags `embed:""`
	ID           string `arg:"" help:"Id of the key, as listed."`
	Archive      string `help:"File to archive the key in, which must not be there: backups that are older than the rotation need it." required:"" type:"path" placeholder:"FILE"`
}

// Run archives a key, then takes it out.
func (c *keysRemoveCmd) Run(*env) error {
	path, keys, err := c.load()
	if err != nil {
		return err
	}
	i := find(keys, c.ID)
	switch {
	case i < 0:
		return fmt.Errorf("there is no key %s in %s", c.ID, path)
	case i == 0:
		return errors.New("the current key cannot be removed; make another one current first")
	}
	if err := secrets.ArchiveKey(c.Archive, keys[i]); err != nil {
		return err
	}
	return secrets.SaveKeys(path, slices.Delete(keys, i, i+1))
}

func find(keys []secrets.Key, id string) int {
	return slices.IndexFunc(keys, func(k secrets.Key) bool { return k.ID().String() == id })
}
