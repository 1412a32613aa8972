package services

import (
	"fmt"
	"os/exec"
)

// FindProgram returns the path of a program, also of one that Debian does not put into everybody's PATH.
func FindProgram(name string) (string, error) {
	for _, path := range []string{name, "/usr/sbin/" + name} {
		if found, err := exec.LookPath(path); err == nil {
			return found, nil
		}
	}
	return "", fmt.Errorf("no %s, neither in PATH nor in /usr/sbin", name)
}

// FindPgBouncer returns the path of pgbouncer.
func FindPgBouncer() (string, error) { return FindProgram("pgbouncer") }

// FindPromtool returns the path of promtool, which checks alerts.
func FindPromtool() (string, error) { return FindProgram("promtool") }

// FindNginx returns the path of nginx.
func FindNginx() (string, error) { return FindProgram("nginx") }

// FindHAProxy returns the path of haproxy.
func FindHAProxy() (string, error) { return FindProgram("haproxy") }

// FindCaddy returns the path of caddy.
func FindCaddy() (string, error) { return FindProgram("caddy") }
