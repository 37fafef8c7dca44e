package models

import (
	"embed"
	"fmt"
	"regexp"
	"strings"
)

// schemaVersion counts the changes of the tables. Raise it with each, here and
// in the files of SQL.
const schemaVersion = 1

//go:embed schema
var schemas embed.FS

// SchemaSQL is the SQL that Migrate runs on an empty database, for those who
// run it by hand. kind is a database as gorm.DB.Name gives it: "sqlite",
// "postgres" or "mysql", which is also MariaDB.
func SchemaSQL(kind string) (string, error) {
	text, err := schemas.ReadFile("schema/" + kind + ".sql")
	if err != nil {
		return "", fmt.Errorf("models: no tables for %q; use SQLite, PostgreSQL, MariaDB or MySQL", kind)
	}
	return string(text), nil
}

var sqlComment = regexp.MustCompile(`(?m)^\s*--.*\n`)

// statements cuts a file of SQL at the semicolons that end a line.
func statements(text string) []string {
	text = sqlComment.ReplaceAllString(text, "")
	return strings.Split(strings.TrimSuffix(strings.TrimSpace(text), ";"), ";\n")
}

// schema is the one row that says which version the tables have.
type schema struct {
	ID      uint
	Version int
}

func (schema) TableName() string { return "perimeter_schema" }

func tables() []any {
	return []any{&AccessToken{}, &AccessTokenUse{}, &AccessTokenChange{}, &schema{}}
}
