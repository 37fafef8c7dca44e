package models

// DefaultPageSize is how many rows a page has unless said otherwise.
const DefaultPageSize = 50

// maxPageSize keeps one page from filling the memory.
const maxPageSize = 1000

// Page says which part of a list to read. Lists are cut at a row, not by
// counting, so that the last page is as fast as the first. The zero value is
// the first page.
//
// Where the row that Before or After names was deleted meanwhile, a list in the
// order of time goes on from where it was; others begin again.
type Page struct {
	Before uint // the page after the one that ended with the row of this ID
	After  uint // the page before the one that began with the row of this ID
	Last   bool // the end of the list
	Size   int  // default: DefaultPageSize; at most 1000
}

func (p Page) size() int {
	if p.Size <= 0 {
		return DefaultPageSize
	}
	return min(p.Size, maxPageSize)
}

// Rows is one page of a list.
type Rows[T any] struct {
	Rows  []T
	Newer bool // there are rows before these
	Older bool // there are rows after these
}
