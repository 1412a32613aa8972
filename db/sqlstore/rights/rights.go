// Package rights finds out what the role of a connection may do in a PostgreSQL database, and how to grant what it lacks.
package rights

import (
	"context"
	"slices"
	"strings"

	"github.com/uptrace/bun"
)

// Rights is what a role may do. Names are quoted as SQL needs it.
type Rights struct {
	Role   string
	Schema string // that of the tables, or where migrations would make them
	Ready  bool   // whether the tables exist

	MayCreate bool     // whether the role may make tables, as migrations do
	Missing   []string // GRANT commands for what a server needs
	Identity  []string // GRANT commands for what tells a database from its copy
}

// place is the schema of the tables.
type place struct {
	Role, Schema string
	ID           int64
	Ready        bool
	MayUse       bool
	MayCreate    bool
}

// readPlace prefers the schema whose tables a connection finds. That of a role without USAGE is found by the name of a table.
const readPlace = `SELECT quote_ident(current_user) AS role, quote_ident(n.nspname) AS schema, CAST(n.oid AS bigint) AS id, c.oid IS NOT NULL AS ready,
has_schema_privilege(n.oid, 'USAGE') AS may_use, has_schema_privilege(n.oid, 'CREATE') AS may_create
FROM pg_namespace AS n LEFT JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = 'stream_meta' AND c.relkind IN ('r', 'p')
ORDER BY COALESCE(pg_table_is_visible(c.oid), FALSE) DESC, COALESCE(n.nspname = current_schema(), FALSE) DESC, c.oid IS NOT NULL DESC, n.nspname = 'public' DESC
LIMIT 1`

const readTables = `SELECT quote_ident(c.relname) AS name, has_table_privilege(c.oid, 'SELECT') AS may_select, has_table_privilege(c.oid, 'INSERT') AS may_insert,
has_table_privilege(c.oid, 'UPDATE') AS may_update, has_table_privilege(c.oid, 'DELETE') AS may_delete
FROM pg_class AS c WHERE c.relnamespace = ? AND c.relkind IN ('r', 'p') AND c.relname IN (?) ORDER BY c.relname`

const readFunctions = `SELECT quote_ident(p.proname) || '(' || oidvectortypes(p.proargtypes) || ')' AS name
FROM pg_proc AS p WHERE p.pronamespace = ? AND p.proname IN (?) AND NOT has_function_privilege(p.oid, 'EXECUTE') ORDER BY p.proname`

// The tables by what a server does with their rows.
var (
	changed  = []string{"cache_outages", "chat_events", "chat_members", "chats", "messages", "modules", "users"}
	replaced = []string{"stream_meta"}
	read     = []string{"bun_migrations", "migration_notes"}
)

// functions are those of the schema, in all versions.
var functions = []string{"chat_read", "send_read", "send_store"}

// identity are the functions of PostgreSQL that package identity calls.
var identity = []string{"pg_control_system()", "pg_current_wal_lsn()", "pg_walfile_name(pg_lsn)"}

// Read asks the server.
func Read(ctx context.Context, conn bun.IDB) (Rights, error) {
	var p place
	if err := conn.NewRaw(readPlace).Scan(ctx, &p); err != nil {
		return Rights{}, err
	}
	r := Rights{Role: p.Role, Schema: p.Schema, Ready: p.Ready, MayCreate: p.MayCreate}
	if !p.MayUse {
		r.Missing = append(r.Missing, "GRANT USAGE ON SCHEMA "+p.Schema+" TO "+p.Role+";")
	}
	for _, add := range []func(context.Context, bun.IDB, place) error{r.addTables, r.addFunctions, r.addIdentity} {
		if err := add(ctx, conn, p); err != nil {
			return r, err
		}
	}
	return r, nil
}

// addTables has one command per set of privileges that tables lack.
func (r *Rights) addTables(ctx context.Context, conn bun.IDB, p place) error {
	var tables []struct {
		Name                                       string
		MaySelect, MayInsert, MayUpdate, MayDelete bool
	}
	if err := conn.NewRaw(readTables, p.ID, bun.List(slices.Concat(changed, replaced, read))).Scan(ctx, &tables); err != nil {
		return err
	}
	lacking, order := map[string][]string{}, []string{}
	for _, t := range tables {
		var lacks []string
		for _, privilege := range []struct {
			name      string
			has, need bool
		}{
			{"SELECT", t.MaySelect, true},
			{"INSERT", t.MayInsert, slices.Contains(changed, t.Name)},
			{"UPDATE", t.MayUpdate, !slices.Contains(read, t.Name)},
			{"DELETE", t.MayDelete, slices.Contains(changed, t.Name)},
		} {
			if privilege.need && !privilege.has {
				lacks = append(lacks, privilege.name)
			}
		}
		privileges := strings.Join(lacks, ", ")
		if privileges != "" && lacking[privileges] == nil {
			order = append(order, privileges)
		}
		lacking[privileges] = append(lacking[privileges], p.Schema+"."+t.Name)
	}
	for _, privileges := range order {
		r.Missing = append(r.Missing, "GRANT "+privileges+" ON "+strings.Join(lacking[privileges], ", ")+" TO "+p.Role+";")
	}
	return nil
}

func (r *Rights) addFunctions(ctx context.Context, conn bun.IDB, p place) error {
	var refused []string
	if err := conn.NewRaw(readFunctions, p.ID, bun.List(functions)).Scan(ctx, &refused); err != nil {
		return err
	}
	for _, name := range refused {
		r.Missing = append(r.Missing, "GRANT EXECUTE ON FUNCTION "+p.Schema+"."+name+" TO "+p.Role+";")
	}
	return nil
}

func (r *Rights) addIdentity(ctx context.Context, conn bun.IDB, p place) error {
	for _, name := range identity {
		var may bool
		if err := conn.NewRaw("SELECT COALESCE(has_function_privilege(to_regprocedure(?), 'EXECUTE'), FALSE)", name).Scan(ctx, &may); err != nil {
			return err
		}
		if !may {
			r.Identity = append(r.Identity, "GRANT EXECUTE ON FUNCTION "+name+" TO "+p.Role+";")
		}
	}
	return nil
}
