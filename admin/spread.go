package admin

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/gin-perimeter/gin-perimeter/models"
)

// What is expected of a token in spreadTime. Beyond it, its page says that it
// seems to have been passed on.
const (
	spreadTime      = 30 * 24 * time.Hour
	personNetworks  = 3  // one person: home, office, phone
	sharedPeople    = 25 // a shared token: a team
	sharedDomains   = 3  // … of one customer and its agencies
	programNetworks = 3  // a header token: CI, monitoring, a developer
)

// spread tells in sentences why a token seems to be in more hands than
// expected. Networks are told apart, not addresses: those change from day to
// day at home and on phones.
func spread(token models.AccessToken, uses []models.AccessTokenUse, now time.Time) []string {
	people, domains, networks, programs := map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, use := range uses {
		if use.At.Before(now.Add(-spreadTime)) {
			break // uses are newest first
		}
		if use.Channel == models.ChannelHeader {
			programs[network(use.IP)] = true
			continue
		}
		networks[network(use.IP)] = true
		if use.EmailKey != "" {
			people[use.EmailKey] = true
			domains[use.EmailKey[strings.LastIndexByte(use.EmailKey, '@')+1:]] = true
		}
	}
	for _, set := range []map[string]bool{networks, programs} {
		delete(set, "") // the forgotten
	}
	var reasons []string
	if token.Issued() {
		if n := len(networks); n > personNetworks {
			reasons = append(reasons, fmt.Sprintf("It was issued to one person, but entered from %d networks in the last 30 days. "+
				"Home, office and phone make %d.", n, personNetworks))
		}
	} else {
		if n := len(people); n > sharedPeople {
			reasons = append(reasons, fmt.Sprintf("%d people entered with it in the last 30 days. A shared token usually serves up to %d.", n, sharedPeople))
		}
		if n := len(domains); n > sharedDomains {
			reasons = append(reasons, fmt.Sprintf("The people who entered in the last 30 days have email addresses at %d domains. "+
				"One customer usually has up to %d.", n, sharedDomains))
		}
	}
	if n := len(programs); n > programNetworks {
		reasons = append(reasons, fmt.Sprintf("Programs sent it as a header from %d networks in the last 30 days. Up to %d are usual.", n, programNetworks))
	}
	return reasons
}

// network is what an address has in common with its neighbours: IPv4 /24,
// IPv6 /48.
func network(ip string) string {
	addr, err := netip.ParseAddr(ip)
	if err != nil {
		return ip
	}
	addr = addr.Unmap()
	bits := 48
	if addr.Is4() {
		bits = 24
	}
	prefix, err := addr.Prefix(bits)
	if err != nil {
		return ip
	}
	return prefix.String()
}
