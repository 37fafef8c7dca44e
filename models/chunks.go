package models

import (
	"iter"
	"slices"
)

// maxVariables is how many values one statement may name: SQLite takes 32,766,
// PostgreSQL and MariaDB 65,535.
const maxVariables = 30_000

func chunks(ids []uint) iter.Seq[[]uint] { return slices.Chunk(ids, maxVariables) }
