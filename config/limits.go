package config

import "fmt"

const maxLimit = 1_000_000

// Limits bounds what users and addresses may do. 0 means no limit. The local user of a server without authentication has none.
type Limits struct {
	Connections           int `env:"MAX_CONNECTIONS" envDefault:"0"` // of the instance, without authentication too
	ConnectionsPerUser    int `env:"CONNECTIONS_PER_USER" envDefault:"20"`
	ConnectionsPerAddress int `env:"CONNECTIONS_PER_ADDRESS" envDefault:"1000"`
	MutationRate          int `env:"MUTATION_RATE" envDefault:"20"` // per second and user
	MutationBurst         int `env:"MUTATION_BURST" envDefault:"100"`
	AddressMutationRate   int `env:"ADDRESS_MUTATION_RATE" envDefault:"200"` // per second and address
	AddressMutationBurst  int `env:"ADDRESS_MUTATION_BURST" envDefault:"1000"`
}

func (l *Limits) validate() []string {
	var mistakes []string
	for _, limit := range []struct {
		name  string
		value int
	}{
		{"MAX_CONNECTIONS", l.Connections},
		{"CONNECTIONS_PER_USER", l.ConnectionsPerUser},
		{"CONNECTIONS_PER_ADDRESS", l.ConnectionsPerAddress},
		{"MUTATION_RATE", l.MutationRate},
		{"MUTATION_BURST", l.MutationBurst},
		{"ADDRESS_MUTATION_RATE", l.AddressMutationRate},
		{"ADDRESS_MUTATION_BURST", l.AddressMutationBurst},
	} {
		if limit.value < 0 || limit.value > maxLimit {
			mistakes = append(mistakes, fmt.Sprintf("%s must be 1 to %d, or 0 for no limit.", limit.name, maxLimit))
		}
	}
	if l.MutationRate > 0 && l.MutationBurst == 0 {
		mistakes = append(mistakes, "MUTATION_BURST must be at least 1 with a MUTATION_RATE.")
	}
	if l.AddressMutationRate > 0 && l.AddressMutationBurst == 0 {
		mistakes = append(mistakes, "ADDRESS_MUTATION_BURST must be at least 1 with an ADDRESS_MUTATION_RATE.")
	}
	return mistakes
}
