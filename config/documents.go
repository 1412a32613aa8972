package config

import (
	"slices"

	"studychat/graph"
	"studychat/graph/persisted"
)

// Documents says which GraphQL documents clients may send, and whether they may read the schema.
type Documents struct {
	Introspection string `env:"INTROSPECTION" envDefault:"auto"`
	Trusted       string `env:"TRUSTED_DOCUMENTS" envDefault:"off"`
	ManifestFile  string `env:"DOCUMENT_MANIFEST"`

	Mode     persisted.Mode      // parsed from Trusted
	Manifest *persisted.Manifest // loaded from ManifestFile; nil when any document may run
}

func (d *Documents) validate() []string {
	var mistakes []string
	if !slices.Contains([]string{"auto", "on", "off"}, d.Introspection) {
		mistakes = append(mistakes, "INTROSPECTION must be on, off or auto.")
	}
	var err error
	d.Mode, err = persisted.ParseMode(d.Trusted)
	switch {
	case err != nil:
		return append(mistakes, "TRUSTED_DOCUMENTS must be off, log or enforce.")
	case d.Mode != persisted.Off && d.ManifestFile == "":
		return append(mistakes, "DOCUMENT_MANIFEST is required with TRUSTED_DOCUMENTS.")
	case d.Mode == persisted.Off && d.ManifestFile != "":
		return append(mistakes, "DOCUMENT_MANIFEST is set, but TRUSTED_DOCUMENTS is off.")
	case d.Mode == persisted.Off:
		return mistakes
	}
	if d.Manifest, err = persisted.LoadManifest(d.ManifestFile); err == nil {
		err = graph.CheckManifest(d.Manifest)
	}
	if err != nil {
		return append(mistakes, "DOCUMENT_MANIFEST: "+err.Error())
	}
	return mistakes
}
