package templates

import (
	"net/url"
	"regexp"
	"strings"
)

// span is a piece of a sentence: plain, or a link when Link is set. The
// template writes both, so that they are escaped like everything else.
type span struct {
	Text string
	Link string
}

// linkable finds https URLs and mail addresses of the usual shape. What it
// overlooks stays readable as text.
var linkable = regexp.MustCompile(`https://[^\s<>"]+|[\pL\pN][\pL\pN._+-]*@[\pL\pN-]+(?:\.[\pL\pN-]+)+`)

// linked cuts text into spans at its mail addresses and https URLs.
func linked(text string) []span {
	var spans []span
	end := 0
	for _, at := range linkable.FindAllStringIndex(text, -1) {
		found := trimSentence(text[at[0]:at[1]])
		if plain := text[end:at[0]]; plain != "" {
			spans = append(spans, span{Text: plain})
		}
		spans = append(spans, span{Text: found, Link: target(found)})
		end = at[0] + len(found)
	}
	if plain := text[end:]; plain != "" {
		spans = append(spans, span{Text: plain})
	}
	return spans
}

// trimSentence takes off what belongs to the sentence around an address: its
// full stop, a quote, a bracket that was opened before it.
func trimSentence(found string) string {
	for {
		cut := strings.TrimRight(found, ".,;:!?'’”»")
		if strings.HasSuffix(cut, ")") && strings.Count(cut, ")") > strings.Count(cut, "(") {
			cut = cut[:len(cut)-1]
		}
		if cut == found {
			return found
		}
		found = cut
	}
}

func target(found string) string {
	if strings.HasPrefix(found, "https://") {
		return found
	}
	local, domain, _ := strings.Cut(found, "@")
	return "mailto:" + url.PathEscape(local) + "@" + domain
}
