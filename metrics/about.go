package metrics

import (
	"runtime/debug"
	"sync"
)

// about is the metric of the program itself.
func about() []Metric {
	return []Metric{{
		Name: "studychat_build_info", Help: "1, with what this instance was built from.", Labels: []string{"version", "revision", "goversion"},
		read: func(to reading) { to.gauge(1, Built()...) },
	}}
}

// Built is the version, the revision and the version of Go, as the linker has noted them.
var Built = sync.OnceValue(func() []string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return []string{"", "", ""}
	}
	revision := ""
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			revision = setting.Value
		}
	}
	return []string{info.Main.Version, revision, info.GoVersion}
})
