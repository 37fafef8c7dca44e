package growth

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"gorm.io/gorm"
)

// Fill writes many rows fast: a thousand a statement. Nearly all tokens are
// expired, deactivated or used up, and the few live ones are the oldest: the
// hardest case for a list of what is live. A fifth of the uses are of token 1,
// and the first tenth of token 2, which was not used since.
func Fill(ctx context.Context, db *gorm.DB, tokens, uses int) error {
	now := time.Now().UTC().Truncate(time.Second)
	stamp := func(at time.Time) string {
		if db.Name() == "sqlite" {
			return at.Format("'2006-01-02 15:04:05.999-07:00'")
		}
		return at.Format("'2006-01-02 15:04:05.000'")
	}
	token := func(i int) string {
		expires, deactivated, max := stamp(now.Add(-time.Duration(i)*time.Second)), "NULL", 0
		switch {
		case i <= 100:
			expires = stamp(now.Add(time.Duration(i) * time.Hour))
		case i%10 < 2:
			deactivated = stamp(now.Add(-time.Duration(i) * time.Second))
		case i%10 < 4:
			expires, max = stamp(now.Add(time.Duration(i)*time.Second+time.Hour)), 1
		}
		return fmt.Sprintf("('Customer %07d','customer %07d','%064d','%s',%s,%s,%d,1,'','','person%d@example.com','me',1,%s,%s)",
			i, i, i, hint(i), expires, deactivated, max, i, stamp(now), stamp(now))
	}
	err := fillTable(ctx, db, "access_tokens (label,label_key,digest,hint,expires_at,deactivated_at,max_uses,use_count,for_name,for_email,for_email_key,created_by,version,created_at,updated_at)", tokens, token)
	if err != nil {
		return err
	}
	use := func(i int) string {
		id := 1
		switch {
		case i <= uses/10:
			id = 2
		case i%5 > 0:
			id = 3 + i%(tokens-2)
		}
		at := now.Add(time.Duration(i-uses) * time.Second)
		return fmt.Sprintf("('r%d',%d,'','Customer','Anna','person%d@example.com','person%d@example.com','10.0.0.%d','Browser','form',%s)",
			i, id, i%100, i%100, i%100, stamp(at))
	}
	err = fillTable(ctx, db, "access_token_uses (ref,token_id,token_check,token_label,name,email,email_key,ip,user_agent,channel,at)", uses, use)
	if err != nil {
		return err
	}
	if db.Name() == "mysql" {
		return db.WithContext(ctx).Exec("ANALYZE TABLE access_tokens, access_token_uses").Error
	}
	return db.WithContext(ctx).Exec(map[string]string{"postgres": "VACUUM ANALYZE", "sqlite": "PRAGMA wal_checkpoint(TRUNCATE)"}[db.Name()]).Error
}

// hint differs for a million tokens, as real ones nearly do.
func hint(i int) string {
	text := "000" + strings.ToUpper(strconv.FormatInt(int64(i), 36))
	return text[len(text)-4:]
}

func fillTable(ctx context.Context, db *gorm.DB, table string, n int, row func(int) string) error {
	const perStatement, perTransaction = 1000, 100_000
	for from := 1; from <= n; from += perTransaction {
		err := db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
			for i := from; i < min(from+perTransaction, n+1); i += perStatement {
				var rows []string
				for j := i; j < min(i+perStatement, from+perTransaction, n+1); j++ {
					rows = append(rows, row(j))
				}
				if err := tx.Exec("INSERT INTO " + table + " VALUES " + strings.Join(rows, ",")).Error; err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
