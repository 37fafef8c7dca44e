package models

import "sync/atomic"

var generation atomic.Uint64

// Generation counts the changes that this process made to who may come in:
// tokens deactivated, activated, extended, edited or deleted, uses ended. A
// cache compares it to know that it must read again. It moves after the
// change was committed; where the caller passed a transaction of its own, that
// is before the caller's commit, and caches learn of the change when they next
// read the database.
func Generation() uint64 { return generation.Load() }

func bumpGeneration() { generation.Add(1) }
