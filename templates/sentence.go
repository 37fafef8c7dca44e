package templates

import "strings"

// list joins items as a sentence does: "a, b and c".
func list(items []string) string {
	var text strings.Builder
	for i, item := range items {
		text.WriteString(joint(i, len(items)))
		text.WriteString(item)
	}
	return text.String()
}

// joint is what stands before item i of n in a sentence.
func joint(i, n int) string {
	switch i {
	case 0:
		return ""
	case n - 1:
		return " and "
	}
	return ", "
}
