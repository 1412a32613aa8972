package services

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// kindVariable changes how tests reach PostgreSQL, so that the same tests show that it makes no difference:
//
//   - verify-full: over TLS; the server's certificate and name are checked
//   - pgbouncer: through a pgbouncer in transaction mode
//   - data-role: as a role that may read and write rows, and nothing else, in a database whose schema its owner has made
const (
	kindVariable = "TEST_POSTGRES"

	verifyFull = "verify-full"
	pgBouncer  = "pgbouncer"
	dataRole   = "data-role"
)

// templateVariable names the database that tests get copies of.
const templateVariable = "TEST_DATABASE_TEMPLATE"

// poolOfTest is how many connections to the server a pooler has for one test.
const poolOfTest = 20

// PrepareTemplate gives tests databases that have the schema already, if they run as a role that may not make it. migrate makes it in the
// database of a DSN. It returns what to add to the environment of the tests.
func PrepareTemplate(ctx context.Context, dsn string, migrate func(ctx context.Context, dsn string) error) ([]string, error) {
	if os.Getenv(kindVariable) != dataRole {
		return nil, nil
	}
	const name = "test_template"
	template, err := withDatabase(dsn, name)
	if err != nil {
		return nil, err
	}
	if err := execute(dsn, "CREATE DATABASE "+name+" TEMPLATE template0"); err != nil {
		return nil, err
	}
	if err := migrate(ctx, template); err != nil {
		return nil, fmt.Errorf("migrate the template: %w", err)
	}
	return []string{templateVariable + "=" + name}, nil
}

func (c *Cluster) authority() string { return filepath.Join(c.dir, "ca.pem") }

// encrypt makes a certificate, and refuses connections without TLS.
func (c *Cluster) encrypt() error {
	ca, err := NewAuthority()
	if err != nil {
		return err
	}
	cert, key, err := ca.Issue("localhost")
	if err != nil {
		return err
	}
	for name, content := range map[string][]byte{
		c.authority():                          ca.PEM(),
		filepath.Join(c.dir, "server.pem"):     cert,
		filepath.Join(c.dir, "server.key"):     key,
		filepath.Join(c.data(), "pg_hba.conf"): []byte("hostssl all all 127.0.0.1/32 trust\n"),
	} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			return err
		}
		if c.as == nil {
			continue
		}
		if err := os.Chown(name, int(c.as.Uid), int(c.as.Gid)); err != nil {
			return err
		}
	}
	c.settings = append(c.settings, "ssl=on", "ssl_cert_file="+filepath.Join(c.dir, "server.pem"), "ssl_key_file="+filepath.Join(c.dir, "server.key"))
	return nil
}
