package models_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/gin-perimeter/gin-perimeter/models"
)

const alphabet = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"

// sample is one generated token, fixed so that failures repeat.
const sample = "7KQM-X2RD-PW9T-4HCB-NE6V-GZ3"

// whole completes sample with its check character.
func whole(t testing.TB) string {
	t.Helper()
	for _, c := range alphabet {
		if _, kind := models.ReadToken(sample + string(c)); kind == models.TokenGenerated {
			return sample + string(c)
		}
	}
	t.Fatal("no check character fits")
	return ""
}

func TestGeneratedTokensReadBack(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	used := map[rune]bool{}
	for range 2000 {
		token := models.GenerateToken()
		canonical, kind := models.ReadToken(token)
		if kind != models.TokenGenerated || canonical != strings.ReplaceAll(token, "-", "") || len(canonical) != 24 || len(token) != 29 {
			t.Fatalf("%q is read as %q, kind %d", token, canonical, kind)
		}
		if strings.Trim(canonical, alphabet) != "" {
			t.Fatalf("%q has characters that are mistaken for others", token)
		}
		if seen[token] {
			t.Fatalf("%q came twice", token)
		}
		seen[token] = true
		for _, c := range canonical {
			used[c] = true
		}
	}
	if len(used) != len(alphabet) {
		t.Errorf("of %d characters, %d are used", len(alphabet), len(used))
	}
}

func TestEverySingleWrongCharacterIsNoticed(t *testing.T) {
	t.Parallel()
	token := whole(t)
	for i := range token {
		if token[i] == '-' {
			continue
		}
		for _, c := range "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ" {
			if byte(c) == token[i] {
				continue
			}
			wrong := token[:i] + string(c) + token[i+1:]
			if canonical, kind := models.ReadToken(wrong); kind != models.TokenMistyped || canonical != "" {
				t.Errorf("%q is read as %q, kind %d", wrong, canonical, kind)
			}
		}
	}
}

func TestEverySwapIsNoticed(t *testing.T) {
	t.Parallel()
	compact := strings.ReplaceAll(whole(t), "-", "")
	for i := range compact {
		for j := i + 1; j < len(compact); j++ {
			if compact[i] == compact[j] {
				continue
			}
			wrong := []byte(compact)
			wrong[i], wrong[j] = wrong[j], wrong[i]
			if _, kind := models.ReadToken(string(wrong)); kind != models.TokenMistyped {
				t.Errorf("%s, %d and %d swapped: kind %d", wrong, i, j, kind)
			}
		}
	}
}

func TestReadTokenTakesWhatPeopleAndTheirPhonesMakeOfIt(t *testing.T) {
	t.Parallel()
	token := whole(t)
	compact := strings.ReplaceAll(token, "-", "")
	for name, text := range map[string]string{
		"as it was shown":          token,
		"lower case":               strings.ToLower(token),
		"without hyphens":          compact,
		"with spaces":              strings.ReplaceAll(token, "-", " "),
		"with no-break spaces":     strings.ReplaceAll(token, "-", "\u00a0"),
		"with a phone's en dashes": strings.ReplaceAll(token, "-", "\u2013"),
		"with em dashes":           strings.ReplaceAll(token, "-", "\u2014"),
		"with minus signs":         strings.ReplaceAll(token, "-", "\u2212"),
		"with hard hyphens":        strings.ReplaceAll(token, "-", "\u2011"),
		"with zero-width spaces":   strings.ReplaceAll(token, "-", "\u200b"),
		"with a byte order mark":   "\ufeff" + token,
		"with a line end":          token + "\r\n",
		"with white space around":  " \t\u00a0" + token + "\u2060 ",
		"in two lines' worth":      compact[:12] + "   " + compact[12:],
		"grouped otherwise":        compact[:1] + "-" + compact[1:7] + "-" + compact[7:],
	} {
		if got, kind := models.ReadToken(text); got != compact || kind != models.TokenGenerated {
			t.Errorf("%s: %q is read as %q, kind %d", name, text, got, kind)
		}
	}
}

func TestReadTokenTellsTheKinds(t *testing.T) {
	t.Parallel()
	token := whole(t)
	for _, c := range []struct {
		name, text, canonical string
		kind                  models.TokenKind
	}{
		{"nothing", "", "", models.TokenBlank},
		{"white space", " \t\r\n\u00a0\u200b\ufeff", "", models.TokenBlank},
		{"a character is missing", token[:28], "", models.TokenMistyped},
		{"a character is missing inside", token[:6] + token[7:], "", models.TokenMistyped},
		{"a character is too much", token + "2", "", models.TokenMistyped},
		{"zero typed for a letter", "0" + token[1:], "", models.TokenMistyped},
		{"half of it", token[:14], token[:14], models.TokenCustom},
		{"a word", "correct horse battery", "correct horse battery", models.TokenCustom},
		{"a word with space around", "\n correct horse battery ", "correct horse battery", models.TokenCustom},
		{"case matters in custom ones", "Correct Horse", "Correct Horse", models.TokenCustom},
		{"letters of any script", "пароль для сайта", "пароль для сайта", models.TokenCustom},
		{"the longest", strings.Repeat("x", 256), strings.Repeat("x", 256), models.TokenCustom},
		{"one byte longer", strings.Repeat("x", 257), "", models.TokenInvalid},
		{"a megabyte", strings.Repeat("x", 1<<20), "", models.TokenInvalid},
		{"a megabyte of spaces", strings.Repeat(" ", 1<<20), "", models.TokenInvalid},
		{"a NUL byte", "correct\x00horse", "", models.TokenInvalid},
		{"a line end inside", "correct\nhorse", "", models.TokenInvalid},
		{"not UTF-8", "correct\xffhorse", "", models.TokenInvalid},
		{"a UUID", "123e4567-e89b-12d3-a456-426614174000", "123e4567-e89b-12d3-a456-426614174000", models.TokenCustom},
		{"six groups of other lengths", "a-bb-ccc-dddd-eeeee-ffffff", "a-bb-ccc-dddd-eeeee-ffffff", models.TokenCustom},
		{"six groups with umlauts", "äbcd-efgh-jkmn-pqrs-tuvw-xyz2", "äbcd-efgh-jkmn-pqrs-tuvw-xyz2", models.TokenCustom},
	} {
		if got, kind := models.ReadToken(c.text); got != c.canonical || kind != c.kind {
			t.Errorf("%s: read as %.40q, kind %d; want %.40q, kind %d", c.name, got, kind, c.canonical, c.kind)
		}
	}
}

func TestHoldsToken(t *testing.T) {
	t.Parallel()
	generated, custom := models.GenerateToken(), "open sesame, please"
	small := strings.ToLower(strings.ReplaceAll(generated, "-", ""))
	for _, c := range []struct {
		text, token string
		holds       bool
	}{
		{generated, generated, true}, {"Ada " + small + "!", generated, true}, {generated, small, true}, {"x" + generated + "y", " " + small, true},
		{strings.ReplaceAll(generated, "-", " \u2013 "), generated, true},
		{custom, custom, true}, {"Ada: " + custom + ".", "\t" + custom, true}, {strings.ToUpper(custom), custom, false}, {"sesame", custom, false},
		{models.GenerateToken(), generated, false}, {generated[:20], generated, false}, {"Ada Lovelace", generated, false}, {"", generated, false},
		{"Ada", "", false}, {"", "", false}, {"Ada\x00", "Ada\x00", false},
	} {
		if got := models.HoldsToken(c.text, c.token); got != c.holds {
			t.Errorf("HoldsToken(%q, %q) is %t", c.text, c.token, got)
		}
	}
}

func TestDigestTokenIsSHA256(t *testing.T) {
	t.Parallel()
	const want = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" // FIPS 180-2, appendix B.1
	if got := models.DigestToken("abc"); got != want {
		t.Errorf("DigestToken(abc) = %s", got)
	}
}

func FuzzReadToken(f *testing.F) {
	token := whole(f)
	for _, seed := range []string{
		"", " ", token, strings.ToLower(token), token[:28], token + "2", strings.ReplaceAll(token, "-", "\u2013"),
		"correct horse battery", "correct\x00horse", "\xff\xfe", "\u200b\ufeff", strings.Repeat("x", 257),
		"ſſſſ-ıııı-KKKK-2222-2222-2222", "------", "2222 2222 2222 2222 2222 2222",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		canonical, kind := models.ReadToken(text)
		switch kind {
		case models.TokenGenerated:
			if len(canonical) != 24 || strings.Trim(canonical, alphabet) != "" {
				t.Errorf("%q is a generated token %q", text, canonical)
			}
		case models.TokenCustom:
			if canonical == "" || len(canonical) > models.MaxTokenBytes || !utf8.ValidString(canonical) || strings.ContainsFunc(canonical, unicode.IsControl) {
				t.Errorf("%q is a custom token %q", text, canonical)
			}
		default:
			if canonical != "" {
				t.Errorf("%q, kind %d, has a canonical form %q", text, kind, canonical)
			}
			return
		}
		if again, kindAgain := models.ReadToken(canonical); again != canonical || kindAgain != kind {
			t.Errorf("%q is read as %q, kind %d, which is read as %q, kind %d", text, canonical, kind, again, kindAgain)
		}
	})
}
