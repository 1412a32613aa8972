package config

import (
	"net/url"
	"slices"
	"strings"
)

// Traces says where traces go, by OpenTelemetry's names.
type Traces struct {
	Endpoint   string  `env:"OTEL_EXPORTER_OTLP_ENDPOINT"` // "": nothing is traced
	Sampler    string  `env:"OTEL_TRACES_SAMPLER" envDefault:"parentbased_always_on"`
	SamplerArg float64 `env:"OTEL_TRACES_SAMPLER_ARG" envDefault:"1"`
	Service    string  `env:"OTEL_SERVICE_NAME" envDefault:"studychat"`
}

var samplers = []string{"always_on", "always_off", "traceidratio", "parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio"}

func (t *Traces) validate() (mistakes []string) {
	if t.Endpoint == "" {
		return nil
	}
	endpoint, err := url.Parse(t.Endpoint)
	if err != nil || endpoint.Scheme != "http" && endpoint.Scheme != "https" || endpoint.Host == "" {
		mistakes = append(mistakes, "OTEL_EXPORTER_OTLP_ENDPOINT must be a URL such as http://collector:4318.")
	}
	t.Endpoint = strings.TrimRight(t.Endpoint, "/")
	if !slices.Contains(samplers, t.Sampler) {
		mistakes = append(mistakes, "OTEL_TRACES_SAMPLER must be one of "+strings.Join(samplers, ", ")+".")
	}
	if t.SamplerArg < 0 || t.SamplerArg > 1 {
		mistakes = append(mistakes, "OTEL_TRACES_SAMPLER_ARG must be 0 to 1.")
	}
	return mistakes
}
