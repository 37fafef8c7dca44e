package admin

// atLeast writes how many of what was summed up, and says where there may be
// more.
func atLeast(n int, one, many string) string {
	words := grouped(int64(n)) + " " + many
	if n == 1 {
		words = "1 " + one
	}
	if n >= summedUses {
		words = "at least " + words
	}
	return words
}

func countedPeople(n int) string { return atLeast(n, "person", "people") }
