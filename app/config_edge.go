package app

import (
	"crypto/tls"
	"fmt"
	"slices"

	"studychat/graph"
	"studychat/graph/persisted"
)

// validateEdge checks who may reach us how, and with which documents.
func (c *Config) validateEdge() []string {
	var mistakes []string
	for _, origin := range c.AllowedOrigins {
		if mistake := checkOrigin(origin); mistake != "" {
			mistakes = append(mistakes, "ALLOWED_ORIGINS: "+mistake)
		}
	}
	for _, text := range c.TrustedProxies {
		proxy, mistake := parseNetwork(text)
		if mistake != "" {
			mistakes = append(mistakes, "TRUSTED_PROXIES: "+mistake)
			continue
		}
		c.proxies = append(c.proxies, proxy)
	}
	mistakes = append(mistakes, c.loadCertificate()...)
	if !slices.Contains([]string{"auto", "on", "off"}, c.Introspection) {
		mistakes = append(mistakes, "INTROSPECTION must be on, off or auto.")
	}
	return append(mistakes, c.loadManifest()...)
}

func (c *Config) loadCertificate() []string {
	switch {
	case (c.TLSCert == "") != (c.TLSKey == ""):
		return []string{"TLS_CERT and TLS_KEY must both be set, or neither."}
	case c.TLSCert == "":
		return nil
	}
	certificate, err := tls.LoadX509KeyPair(c.TLSCert, c.TLSKey)
	if err != nil {
		return []string{"TLS_CERT, TLS_KEY: " + err.Error() + "."}
	}
	c.certificate = &certificate
	return nil
}

func (c *Config) loadManifest() []string {
	mode, err := persisted.ParseMode(c.TrustedDocuments)
	switch {
	case err != nil:
		return []string{"TRUSTED_DOCUMENTS must be off, log or enforce."}
	case mode != persisted.Off && c.DocumentManifest == "":
		return []string{"DOCUMENT_MANIFEST is required with TRUSTED_DOCUMENTS."}
	case mode == persisted.Off && c.DocumentManifest != "":
		return []string{"DOCUMENT_MANIFEST is set, but TRUSTED_DOCUMENTS is off."}
	case mode == persisted.Off:
		return nil
	}
	if c.manifest, err = persisted.LoadManifest(c.DocumentManifest); err == nil {
		err = graph.CheckManifest(c.manifest)
	}
	if err != nil {
		return []string{"DOCUMENT_MANIFEST: " + err.Error()}
	}
	return nil
}

// introspects says whether clients may read the schema: without authentication there is nobody to hide it from.
func (c *Config) introspects() bool {
	return c.Introspection == "on" || c.Introspection == "auto" && !c.Authenticated()
}

func (c *Config) validateLimits() []string {
	var mistakes []string
	for _, limit := range []struct {
		name  string
		value int
	}{
		{"CONNECTIONS_PER_USER", c.ConnectionsPerUser},
		{"CONNECTIONS_PER_ADDRESS", c.ConnectionsPerAddress},
		{"MUTATION_RATE", c.MutationRate},
		{"MUTATION_BURST", c.MutationBurst},
		{"ADDRESS_MUTATION_RATE", c.AddressMutationRate},
		{"ADDRESS_MUTATION_BURST", c.AddressMutationBurst},
	} {
		if limit.value < 0 || limit.value > maxLimit {
			mistakes = append(mistakes, fmt.Sprintf("%s must be 1 to %d, or 0 for no limit.", limit.name, maxLimit))
		}
	}
	if c.MutationRate > 0 && c.MutationBurst == 0 {
		mistakes = append(mistakes, "MUTATION_BURST must be at least 1 with a MUTATION_RATE.")
	}
	if c.AddressMutationRate > 0 && c.AddressMutationBurst == 0 {
		mistakes = append(mistakes, "ADDRESS_MUTATION_BURST must be at least 1 with an ADDRESS_MUTATION_RATE.")
	}
	return mistakes
}

const maxLimit = 1_000_000
