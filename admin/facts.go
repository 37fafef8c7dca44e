package admin

import "encoding/json"

// readFacts reads the facts of a recorded change. A record that cannot be read
// shows who and when all the same.
func readFacts(text string) map[string]string {
	facts := map[string]string{}
	if err := json.Unmarshal([]byte(text), &facts); err != nil {
		return nil
	}
	return facts
}
