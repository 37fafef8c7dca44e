package models

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"
)

// migrateWait is how long Migrate waits for another process that migrates.
const migrateWait = 60 * time.Second

// Migrate creates the tables, or brings those of an earlier version up to
// date. Any number of processes may call it at once: they take the database's
// own lock. When all is up to date it only reads. The rights to create tables
// are needed otherwise.
func Migrate(db *gorm.DB) error {
	ctx, cancel := context.WithTimeout(context.Background(), migrateWait)
	defer cancel()
	return MigrateContext(ctx, db)
}

// MigrateContext is Migrate with a context of the caller's.
func MigrateContext(ctx context.Context, db *gorm.DB) error {
	if err := checkDriver(ctx, db); err != nil {
		return err
	}
	if current(ctx, db) == nil {
		return nil
	}
	err := locked(ctx, db, func(tx *gorm.DB) error {
		if current(ctx, tx) == nil { // another process was faster
			return nil
		}
		return makeTables(tx)
	})
	if err != nil {
		return fmt.Errorf("models: migrating: %w", err)
	}
	return nil
}

// makeTables runs the schema. It may have been broken off before, where the
// database cannot undo DDL: what is there already stays.
func makeTables(tx *gorm.DB) error {
	text, err := SchemaSQL(tx.Name())
	if err != nil {
		return err
	}
	if err := refuseForeign(tx); err != nil {
		return err
	}
	for _, statement := range statements(text) {
		if err := tx.Exec(statement).Error; err != nil {
			return err
		}
	}
	return nil
}

// refuseForeign finds tables of somebody else's that have our names.
func refuseForeign(tx *gorm.DB) error {
	for _, table := range tables() {
		if !tx.Migrator().HasTable(table) {
			continue
		}
		statement := &gorm.Statement{DB: tx}
		if err := statement.Parse(table); err != nil {
			return err
		}
		types, err := tx.Migrator().ColumnTypes(table)
		if err != nil {
			return err
		}
		wanted := append([]string{}, statement.Schema.DBNames...)
		if statement.Table == (AccessToken{}).TableName() {
			wanted = append(wanted, "standing", "ends_at")
		}
		for _, name := range wanted {
			if !slices.ContainsFunc(types, func(c gorm.ColumnType) bool { return strings.EqualFold(c.Name(), name) }) {
				return fmt.Errorf("the table %s is there already, but is not ours: it has no column %s; rename it", statement.Table, name)
			}
		}
	}
	return nil
}

// CheckTables is nil when the tables are there and of this version, ErrNoTables
// when Migrate must run first, and another error when the database does not
// answer.
func CheckTables(ctx context.Context, db *gorm.DB) error {
	if err := checkDriver(ctx, db); err != nil {
		return err
	}
	return current(ctx, db)
}

func current(ctx context.Context, db *gorm.DB) error {
	migrator := db.WithContext(ctx).Migrator()
	for _, table := range tables() {
		if !migrator.HasTable(table) {
			if err := ping(ctx, db); err != nil {
				return err
			}
			return ErrNoTables
		}
	}
	row, err := first[schema](db.WithContext(ctx).Where("id = 1"))
	if errors.Is(err, ErrNotFound) || (err == nil && row.Version < schemaVersion) {
		return ErrNoTables
	}
	return err
}

// ping asks the database for an answer: HasTable says no also when it cannot
// be reached.
func ping(ctx context.Context, db *gorm.DB) error {
	var one int
	return db.WithContext(ctx).Raw("SELECT 1").Scan(&one).Error
}

// checkDriver finds the settings without which rows cannot be read.
func checkDriver(ctx context.Context, db *gorm.DB) error {
	if db.Name() != "mysql" {
		return nil
	}
	var now any
	if err := db.WithContext(ctx).Raw("SELECT UTC_TIMESTAMP()").Row().Scan(&now); err != nil {
		return err
	}
	at, ok := now.(time.Time)
	if !ok {
		return fmt.Errorf("%w; add parseTime=true", ErrSettings)
	}
	if !likeUTC(at.Location(), at.Year()) {
		return fmt.Errorf("%w: it makes them local, which other programs on this database don't; set loc=UTC, or leave loc out", ErrSettings)
	}
	return nil
}

// likeUTC tells whether a place has UTC the whole year.
func likeUTC(place *time.Location, year int) bool {
	for month := time.January; month <= time.December; month++ {
		if _, offset := time.Date(year, month, 1, 0, 0, 0, 0, place).Zone(); offset != 0 {
			return false
		}
	}
	return true
}

// locked runs work in a transaction, or on one connection, that holds the
// database's lock against other migrations.
func locked(ctx context.Context, db *gorm.DB, work func(*gorm.DB) error) error {
	db = db.WithContext(ctx)
	switch db.Name() {
	case "postgres":
		return db.Transaction(func(tx *gorm.DB) error {
			if err := tx.Exec("SELECT pg_advisory_xact_lock(?)", migrateLock).Error; err != nil {
				return err
			}
			return work(tx)
		})
	case "mysql":
		return db.Connection(func(conn *gorm.DB) error {
			return lockedMySQL(ctx, conn.Session(&gorm.Session{NewDB: true}), work)
		})
	case "sqlite":
		return db.Connection(func(conn *gorm.DB) error {
			plain := &gorm.Session{NewDB: true, SkipDefaultTransaction: true, DisableNestedTransaction: true}
			return lockedSQLite(ctx, conn.Session(plain), work)
		})
	}
	return work(db)
}

// migrateLock is the number of the advisory lock: "perimetr" in ASCII.
const migrateLock int64 = 0x706572696d657472

// lockedMySQL holds a lock by name, since MySQL commits at every DDL statement.
func lockedMySQL(ctx context.Context, conn *gorm.DB, work func(*gorm.DB) error) error {
	const name = "CONCAT('perimeter ', LEFT(SHA1(DATABASE()), 40))" // locks are server-wide
	for got := 0; got != 1; {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("another process is migrating and does not finish: %w", err)
		}
		// A second at a time, since hosts set the driver's readTimeout.
		if err := conn.Raw("SELECT COALESCE(GET_LOCK(" + name + ", 1), 0)").Scan(&got).Error; err != nil {
			return err
		}
	}
	err := work(conn)
	return errors.Join(err, conn.Exec("DO RELEASE_LOCK("+name+")").Error)
}

// lockedSQLite takes the write lock at once. Waiting for it is the driver's
// busy timeout; hosts that set none are given more tries.
func lockedSQLite(ctx context.Context, conn *gorm.DB, work func(*gorm.DB) error) error {
	for {
		err := conn.Exec("BEGIN IMMEDIATE").Error
		if err == nil {
			break
		}
		if !isBusy(err) || pause(ctx) != nil {
			return err
		}
	}
	if err := work(conn); err != nil {
		return errors.Join(err, conn.Exec("ROLLBACK").Error)
	}
	return conn.Exec("COMMIT").Error
}
