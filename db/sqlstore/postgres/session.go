package postgres

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// sessionSettings are sent with the start-up packet of every connection, so that neither the settings of the server, the database and
// the role nor the environment (PGOPTIONS, PGTZ) change the form of texts and times. pgbouncer tracks these settings per client; it
// refuses connections that ask for others, unless it is configured to ignore them.
//
// Other settings that change the form of values cannot be set through pgbouncer. They do not matter: the schema has no bytea, interval
// or float column.
var sessionSettings = map[string]string{
	"client_encoding":             "UTF8",
	"datestyle":                   "ISO",
	"timezone":                    "UTC",
	"standard_conforming_strings": "on", // Bun quotes strings as the standard says
}

// applicationName is what the server shows of these connections in pg_stat_activity and in its log, unless the URL or PGAPPNAME says
// otherwise.
const applicationName = "studychat"

// setSession sets sessionSettings, which override those of the URL, in any spelling, and the application's name, which does not.
func setSession(params map[string]string) {
	maps.DeleteFunc(params, func(name, _ string) bool {
		_, ours := sessionSettings[strings.ToLower(name)]
		return ours
	})
	maps.Copy(params, sessionSettings)
	for name := range params {
		if strings.EqualFold(name, "application_name") {
			return
		}
	}
	params["application_name"] = applicationName
}

// prepare runs for each new connection. It makes times UTC.
func prepare(_ context.Context, conn *pgx.Conn) error {
	if err := checkSession(conn.PgConn().ParameterStatus); err != nil {
		return err
	}
	conn.TypeMap().RegisterType(&pgtype.Type{
		Name:  "timestamptz",
		OID:   pgtype.TimestamptzOID,
		Codec: &pgtype.TimestamptzCodec{ScanLocation: time.UTC},
	})
	return nil
}

// checkSession refuses a server on which statements would not be safe, or texts would be lost. It checks the settings although they
// were sent, because a pooler may have ignored them. status returns "" for a setting that the server does not report.
func checkSession(status func(name string) string) error {
	if encoding := status("server_encoding"); encoding != "" && encoding != "UTF8" {
		return fmt.Errorf("the encoding of the PostgreSQL database is %s: it must be UTF8, which is chosen when the database is created (CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0)", encoding)
	}
	if encoding := status("client_encoding"); encoding != "" && encoding != "UTF8" {
		return fmt.Errorf("PostgreSQL's client_encoding is %s although UTF8 was asked for: a pooler in between must not ignore it", encoding)
	}
	if style := status("DateStyle"); style != "" && !strings.HasPrefix(style, "ISO") {
		return fmt.Errorf("PostgreSQL's DateStyle is %s although ISO was asked for: a pooler in between must not ignore it", style)
	}
	if status("standard_conforming_strings") == "off" {
		return errors.New("PostgreSQL's standard_conforming_strings is off: statements would not be safe")
	}
	return nil
}
