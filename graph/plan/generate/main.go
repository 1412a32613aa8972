// Command generate writes what gqlgen writes from schema.graphqls, and beside it graph/generated/plan.go: for each type of the
// schema the functions by which a plan renders it.
package main

import (
	"log/slog"
	"os"

	"github.com/99designs/gqlgen/api"
	"github.com/99designs/gqlgen/codegen"
	"github.com/99designs/gqlgen/codegen/config"
)

func main() {
	if err := run(); err != nil {
		slog.Error("nothing was generated", "error", err)
		os.Exit(1)
	}
}

func run() error {
	cfg, err := config.LoadConfigFromDefaultLocations()
	if err != nil {
		return err
	}
	return api.Generate(cfg, api.AddPlugin(plugin{}))
}

// plugin is called by gqlgen once it has bound every field to Go.
type plugin struct{}

func (plugin) Name() string { return "plans" }

func (plugin) GenerateCode(data *codegen.Data) error {
	source, err := newWriter(data).source()
	if err != nil {
		return err
	}
	return os.WriteFile(data.Config.Exec.Dir()+"/plan.go", source, 0o600)
}
