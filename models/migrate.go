package models

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
)

// schemaVersion counts the changes of the tables. Raise it with each.
const schemaVersion = 1

// schema is the one row that says which version the tables have.
type schema struct {
	ID      uint `gorm:"primaryKey;autoIncrement:false"`
	Version int  `gorm:"not null"`
}

func (schema) TableName() string { return "perimeter_schema" }

func tables() []any {
	return []any{&AccessToken{}, &AccessTokenUse{}, &AccessTokenChange{}, &schema{}}
}

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
		if err := tx.AutoMigrate(tables()...); err != nil {
			return err
		}
		return tx.Save(&schema{ID: 1, Version: schemaVersion}).Error
	})
	if err != nil {
		return fmt.Errorf("models: migrating: %w", err)
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
	if _, ok := now.(time.Time); !ok {
		return ErrSettings
	}
	return nil
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
			return lockedMySQL(conn.Session(&gorm.Session{NewDB: true}), work)
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
func lockedMySQL(conn *gorm.DB, work func(*gorm.DB) error) error {
	const name = "CONCAT('perimeter ', LEFT(SHA1(DATABASE()), 40))" // locks are server-wide
	var got int
	if err := conn.Raw("SELECT GET_LOCK("+name+", ?)", int(migrateWait.Seconds())).Scan(&got).Error; err != nil {
		return err
	}
	if got != 1 {
		return errors.New("another process is migrating and does not finish")
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
		if ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		if !isBusy(err) {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
	if err := work(conn); err != nil {
		return errors.Join(err, conn.Exec("ROLLBACK").Error)
	}
	return conn.Exec("COMMIT").Error
}
