package models

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"
)

// A listing is a list in an order that an index has, so that reading a page
// of it touches little more than the page's rows.
//
// A database follows an index only where all columns but the last are compared
// for equality. So what other programs write with OR is several queries here,
// each of them one stretch of an index: one for every alternative of the
// filter, and for every column of the order one that goes on behind a row
// ("the same label and a later ID", "a later label"). Their rows are merged.
type listing[T any] struct {
	alternatives []condition   // a row belongs to the list when one holds
	order        []column      // ends with the ID, so that no two rows are equal
	place        func(T) []any // a row's values of the order's columns
	id           func(T) uint  // a row's ID
	byTime       bool          // the order of IDs is about that of the list
}

// condition narrows a query.
type condition func(*gorm.DB) *gorm.DB

// column is one column of an order.
type column struct {
	name       string
	descending bool
}

// page reads one page.
func (l listing[T]) page(ctx context.Context, db *gorm.DB, p Page) (Rows[T], error) {
	backwards := p.Last || p.After > 0
	from, err := l.find(ctx, db, max(p.After, p.Before))
	if err != nil {
		return Rows[T]{}, err
	}
	if backwards {
		l = l.reversed()
	}
	rows, err := l.read(ctx, db, from, p.size()+1)
	if err != nil {
		return Rows[T]{}, err
	}
	more := len(rows) > p.size()
	rows = rows[:min(len(rows), p.size())]
	if backwards {
		slices.Reverse(rows)
		return Rows[T]{Rows: rows, Newer: more, Older: !p.Last}, nil
	}
	return Rows[T]{Rows: rows, Newer: from != nil, Older: more}, nil
}

// each visits all rows, and keeps one page of them in memory.
func (l listing[T]) each(ctx context.Context, db *gorm.DB, visit func(T) error) error {
	var from []any
	for {
		rows, err := l.read(ctx, db, from, maxPageSize)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if err := visit(row); err != nil {
				return err
			}
		}
		if len(rows) < maxPageSize {
			return nil
		}
		from = l.place(rows[len(rows)-1])
	}
}

// find gives the place of the row with this ID, or nil for the start of the
// list.
func (l listing[T]) find(ctx context.Context, db *gorm.DB, id uint) ([]any, error) {
	if id == 0 {
		return nil, nil
	}
	if len(l.order) == 1 {
		return []any{id}, nil
	}
	row, err := first[T](db.WithContext(ctx).Where("id <= ?", id).Order("id DESC"))
	if errors.Is(err, ErrNotFound) || (err == nil && l.id(row) != id && !l.byTime) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return l.place(row), nil
}

func (l listing[T]) reversed() listing[T] {
	l.order = slices.Clone(l.order)
	for i := range l.order {
		l.order[i].descending = !l.order[i].descending
	}
	return l
}

// read gives the first rows behind a place, at most limit of them.
func (l listing[T]) read(ctx context.Context, db *gorm.DB, from []any, limit int) ([]T, error) {
	var all []T
	for _, alternative := range l.alternatives {
		rows, err := l.stretch(alternative(db.WithContext(ctx).Model(new(T))), from, limit)
		if err != nil {
			return nil, fmt.Errorf("reading a list: %w", err)
		}
		all = append(all, rows...)
	}
	if len(l.alternatives) > 1 {
		slices.SortFunc(all, func(a, b T) int { return l.compare(l.place(a), l.place(b)) })
		all = slices.CompactFunc(all, func(a, b T) bool { return l.id(a) == l.id(b) })
	}
	return all[:min(len(all), limit)], nil
}

// stretch reads one alternative: behind the place, the rows that share all
// columns but the last with it come first, then those that share one less.
func (l listing[T]) stretch(query *gorm.DB, from []any, limit int) ([]T, error) {
	if from == nil {
		return l.rows(query, 0, limit)
	}
	var all []T
	for shared := len(l.order) - 1; shared >= 0 && len(all) < limit; shared-- {
		behind := query.Session(&gorm.Session{})
		for i := range shared {
			behind = behind.Where(l.order[i].name+" = ?", from[i])
		}
		beyond := " > ?"
		if l.order[shared].descending {
			beyond = " < ?"
		}
		rows, err := l.rows(behind.Where(l.order[shared].name+beyond, from[shared]), shared, limit-len(all))
		if err != nil {
			return nil, err
		}
		all = append(all, rows...)
	}
	return all, nil
}

// rows runs a query in which the first columns of the order are the same for
// all rows.
func (l listing[T]) rows(query *gorm.DB, same, limit int) ([]T, error) {
	var order []string
	for _, c := range l.order[same:] {
		if c.descending {
			order = append(order, c.name+" DESC")
			continue
		}
		order = append(order, c.name)
	}
	var rows []T
	err := query.Session(&gorm.Session{}).Order(strings.Join(order, ", ")).Limit(limit).Find(&rows).Error
	return rows, err
}

// compare orders two places as the database does.
func (l listing[T]) compare(a, b []any) int {
	for i, c := range l.order {
		way := compareValues(a[i], b[i])
		if c.descending {
			way = -way
		}
		if way != 0 {
			return way
		}
	}
	return 0
}

func compareValues(a, b any) int {
	switch a := a.(type) {
	case string:
		return cmp.Compare(a, b.(string)) // by bytes, as the columns' collations do
	case time.Time:
		return a.Compare(b.(time.Time))
	}
	return cmp.Compare(a.(uint), b.(uint))
}

// begins holds for the rows whose column begins with a text. Unlike LIKE, a
// range works with an index on every database, and has no wildcards.
func begins(column, text string) condition {
	return func(query *gorm.DB) *gorm.DB {
		return query.Where(column+" >= ? AND "+column+" < ?", text, text+"\U0010ffff")
	}
}

func where(sql string, values ...any) condition {
	return func(query *gorm.DB) *gorm.DB { return query.Where(sql, values...) }
}

// both holds where all of some conditions do.
func both(conditions ...condition) condition {
	return func(query *gorm.DB) *gorm.DB {
		for _, c := range conditions {
			query = c(query)
		}
		return query
	}
}

// count counts the rows of which one of the conditions holds; above limit,
// where that is positive, it stops at limit.
func count[T any](ctx context.Context, db *gorm.DB, alternatives []condition, limit int) (int64, error) {
	db = db.WithContext(ctx)
	query := db.Model(new(T))
	if len(alternatives) == 1 {
		query = alternatives[0](query)
	} else {
		plain := func() *gorm.DB { return db.Session(&gorm.Session{NewDB: true}) }
		either := plain()
		for _, alternative := range alternatives {
			either = either.Or(alternative(plain()))
		}
		query = query.Where(either)
	}
	if limit > 0 {
		query = db.Table("(?) AS counted", query.Select("id").Limit(limit))
	}
	var n int64
	err := query.Count(&n).Error
	return n, err
}
