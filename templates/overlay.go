package templates

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// all: also files whose name begins with an underscore, the partials.
//
//go:embed all:html
var embedded embed.FS

func embeddedHTML() fs.FS {
	sub, err := fs.Sub(embedded, "html")
	if err != nil {
		panic("templates: " + err.Error()) // the folder is compiled in
	}
	return sub
}

// overlay reads a file from over where it has it, else from base.
type overlay struct{ over, base fs.FS }

func (o overlay) Open(name string) (fs.File, error) {
	if o.over != nil {
		f, err := o.over.Open(name)
		if !errors.Is(err, fs.ErrNotExist) {
			return f, err
		}
	}
	return o.base.Open(name)
}

// replaces tells whether name comes from the host.
func (o overlay) replaces(name string) bool {
	if o.over == nil {
		return false
	}
	_, err := fs.Stat(o.over, name)
	return err == nil
}

// check finds files of the host's that nothing would ever read: most often a
// folder too high was handed over.
func (o overlay) check() error {
	own, err := walk(o.over)
	if err != nil {
		return err
	}
	known, err := walk(o.base)
	if err != nil {
		return err
	}
	var errs []error
	for _, name := range own {
		if !slices.Contains(known, name) && !isPartial(name) {
			errs = append(errs, fmt.Errorf("templates: Look.Overrides has %q, which replaces nothing; "+
				"use fs.Sub where the folder is too high, and one of %s as the name", name, strings.Join(known, ", ")))
		}
	}
	return errors.Join(errs...)
}

// names lists the files of both, each once.
func (o overlay) names() ([]string, error) {
	own, err := walk(o.over)
	if err != nil {
		return nil, err
	}
	names, err := walk(o.base)
	if err != nil {
		return nil, err
	}
	for _, name := range own {
		if !slices.Contains(names, name) && isPartial(name) {
			names = append(names, name)
		}
	}
	return names, nil
}

// walk lists the files that pages are made of; none when files is nil.
func walk(files fs.FS) ([]string, error) {
	if files == nil {
		return nil, nil
	}
	var names []string
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if !d.IsDir() && slices.Contains([]string{".html", ".css", ".js"}, path.Ext(name)) {
			names = append(names, name)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("templates: listing files: %w", err)
	}
	return names, nil
}

func isPartial(name string) bool {
	return path.Ext(name) == ".html" && strings.HasPrefix(path.Base(name), "_")
}
