// Command licences lists the modules that are built into the library and its
// programs, with their licences: as a Markdown table, or with -sbom VERSION as
// a software bill of materials in CycloneDX 1.6. It fails for a licence that it
// does not know.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

type module struct {
	Path, Version, Dir string
	Main               bool
}

func main() {
	version := flag.String("sbom", "", "print a bill of materials of this `version`")
	flag.Parse()
	modules, err := built("./...")
	if err == nil && *version != "" {
		err = sbom(os.Stdout, modules, *version)
	} else if err == nil {
		err = list(os.Stdout, modules)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "licences:", err)
		os.Exit(1)
	}
}

// built gives the modules that packages are compiled from, tests left out.
func built(packages string) ([]module, error) {
	out, err := exec.Command("go", "list", "-deps", "-json=Module", packages).Output()
	if err != nil {
		return nil, err
	}
	seen := map[string]module{}
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct{ Module *module }
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		if p.Module != nil && !p.Module.Main {
			seen[p.Module.Path] = *p.Module
		}
	}
	modules := make([]module, 0, len(seen))
	for _, m := range seen {
		modules = append(modules, m)
	}
	slices.SortFunc(modules, func(a, b module) int { return strings.Compare(a.Path, b.Path) })
	return modules, nil
}

func list(w io.Writer, modules []module) error {
	fmt.Fprint(w, "# Licences of what is built in\n\n`make licences` writes this page: the modules behind the library, the demo and the tool.\n\n| module | version | licence |\n|---|---|---|\n")
	var errs []error
	for _, m := range modules {
		name, err := licence(m.Dir)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", m.Path, err))
		}
		fmt.Fprintf(w, "| %s | %s | %s |\n", m.Path, m.Version, name)
	}
	return errors.Join(errs...)
}

const own = "github.com/gin-perimeter/gin-perimeter"

// sbom writes what CycloneDX asks for of a list of modules.
func sbom(w io.Writer, modules []module, version string) error {
	type object = map[string]any
	library := func(kind, path, version, licence string) object {
		url := "pkg:golang/" + path + "@" + version
		return object{
			"type": kind, "bom-ref": url, "purl": url, "name": path, "version": version,
			"licenses": []object{{"license": object{"id": licence}}},
		}
	}
	components := []object{}
	for _, m := range modules {
		name, err := licence(m.Dir)
		if err != nil {
			return fmt.Errorf("%s: %w", m.Path, err)
		}
		components = append(components, library("library", m.Path, m.Version, name))
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(object{
		"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
		"metadata":   object{"component": library("application", own, version, "MIT")},
		"components": components,
	})
}

// marks are sentences by which licences are told apart, the longer ones first.
var marks = []struct{ name, sentence string }{
	{"Apache-2.0", "Apache License Version 2.0"},
	{"MPL-2.0", "Mozilla Public License Version 2.0"},
	{"MPL-2.0", "Mozilla Public License, version 2.0"},
	{"BSD-3-Clause", "may be used to endorse or promote products"},
	{"BSD-2-Clause", "Redistributions in binary form must reproduce"},
	{"ISC", "Permission to use, copy, modify, and/or distribute this software for any purpose"},
	{"ISC", "Permission to use, copy, modify, and distribute this software for any purpose"},
	{"MIT", "Permission is hereby granted, free of charge, to any person obtaining a copy"},
}

// licence tells which one a module's folder has.
func licence(dir string) (string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		return "?", err
	}
	for _, file := range files {
		name := strings.ToUpper(filepath.Base(file))
		if !strings.HasPrefix(name, "LICEN") && !strings.HasPrefix(name, "COPYING") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return "?", err
		}
		plain := strings.Join(strings.Fields(string(text)), " ")
		for _, mark := range marks {
			if strings.Contains(plain, mark.sentence) {
				return mark.name, nil
			}
		}
	}
	return "?", errors.New("no licence that is known; look at it, and add it here if it asks for no more than a notice")
}
