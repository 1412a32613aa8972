package proxies

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"studychat/test/services"
)

// proxy is a kind of proxy, with its configuration of deploy/.
type proxy struct {
	name    string
	find    func() (string, error)
	file    string
	changes func(s setting) [][2]string // of the file: what it has, and what it gets here
	command func(binary, dir string) []string
	reload  syscall.Signal // 0: it has none
}

// setting is what a configuration gets.
type setting struct {
	dir, port string
	a, b      string // host:port of the instances
	cert, key string // files; pem is both
	pem       string
	idle      string // the time-out of an idle connection, such as 25s
}

var proxies = []proxy{
	{
		"nginx", services.FindNginx, "nginx.conf",
		func(s setting) [][2]string {
			temp := "http {\n    access_log off;\n"
			for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
				temp += "    " + kind + "_temp_path " + s.dir + "/" + kind + ";\n"
			}
			return [][2]string{
				{"http {\n", temp},
				{"a:8080", s.a},
				{"b:8080", s.b},
				{"listen 443 ", "listen 127.0.0.1:" + s.port + " "},
				{"/etc/nginx/chat.pem", s.cert},
				{"/etc/nginx/chat.key", s.key},
				{"proxy_read_timeout 60s", "proxy_read_timeout " + s.idle},
				{"proxy_send_timeout 60s", "proxy_send_timeout " + s.idle},
				{"worker_shutdown_timeout 60s", "worker_shutdown_timeout 2s"},
			}
		},
		func(binary, dir string) []string {
			return []string{binary, "-p", dir, "-c", filepath.Join(dir, "nginx.conf"), "-e", "stderr", "-g", "daemon off; pid " + dir + "/pid;"}
		},
		syscall.SIGHUP,
	},
	{
		"HAProxy", services.FindHAProxy, "haproxy.cfg",
		func(s setting) [][2]string {
			return [][2]string{
				{" a:8080", " " + s.a},
				{" b:8080", " " + s.b},
				{"bind :443 ", "bind 127.0.0.1:" + s.port + " "},
				{"/etc/haproxy/chat.pem", s.pem},
				{"timeout client 60s", "timeout client " + s.idle},
				{"timeout server 60s", "timeout server " + s.idle},
				{"timeout tunnel 60s", "timeout tunnel " + s.idle},
				{"hard-stop-after 60s", "hard-stop-after 2s"},
				{"maxconn 20000", "maxconn 1000"}, // of open files, which machines for tests limit
			}
		},
		func(binary, dir string) []string {
			return []string{binary, "-W", "-db", "-f", filepath.Join(dir, "haproxy.cfg")}
		},
		syscall.SIGUSR2,
	},
	{
		"Caddy", services.FindCaddy, "Caddyfile",
		func(s setting) [][2]string {
			return [][2]string{
				{"chat.example {\n", "{\n\tadmin off\n\tauto_https disable_redirects\n\tstorage file_system " + s.dir + "\n}\nhttps://127.0.0.1:" + s.port + " {\n\tbind 127.0.0.1\n\ttls " + s.cert + " " + s.key + "\n"},
				{" a:8080", " " + s.a},
				{" b:8080", " " + s.b},
			}
		},
		func(binary, dir string) []string {
			return []string{binary, "run", "--adapter", "caddyfile", "--config", filepath.Join(dir, "Caddyfile")}
		},
		0,
	},
}

// configure reads the file of deploy/, and says what it is like for a directory and a port. trusted are the authorities of its certificate.
func (p proxy) configure(t *testing.T, idle, a, b string) (binary string, config func(dir, port string) string, trusted *x509.CertPool) {
	t.Helper()
	binary, err := p.find()
	if err != nil {
		services.Missing(t, err)
	}
	text, err := os.ReadFile("../../deploy/" + p.file)
	if err != nil {
		t.Fatal(err)
	}
	cert, key, trusted := services.Certificate(t)
	pem := joined(t, cert, key)
	return binary, func(dir, port string) string {
		config := string(text)
		for _, change := range p.changes(setting{dir: dir, port: port, a: a, b: b, cert: cert, key: key, pem: pem, idle: idle}) {
			if strings.Count(config, change[0]) != 1 {
				t.Fatalf("deploy/%s has %q %d times: the test changes one", p.file, change[0], strings.Count(config, change[0]))
			}
			config = strings.Replace(config, change[0], change[1], 1)
		}
		return config
	}, trusted
}

// start runs the proxy before two instances.
func (p proxy) start(t *testing.T, idle, a, b string) (front *services.Frontend, trusted *x509.CertPool) {
	t.Helper()
	binary, config, trusted := p.configure(t, idle, a, b)
	return services.NewFrontend(t, p.file, config, func(dir string) []string { return p.command(binary, dir) }), trusted
}

// joined is a file with all of these, as HAProxy wants it.
func joined(t *testing.T, files ...string) string {
	t.Helper()
	var all []byte
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, text...)
	}
	path := filepath.Join(t.TempDir(), "both.pem")
	write(t, path, string(all))
	return path
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
