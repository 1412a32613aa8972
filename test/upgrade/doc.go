// Package upgrade runs several versions of the server side by side on one database: docs/operations.md says what then holds.
package upgrade
