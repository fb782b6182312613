package replica

import (
	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/standing"
)

// How many keys are remembered of which nothing else may be here: new keys cost nothing.
const (
	maxNames     = 1 << 14
	maxFirstSeen = 1 << 16 // a key that isn't remembered is met for the first time again
)

// keyLimit bounds a table of one entry for each key. Package standing says which key has to go.
type keyLimit struct {
	budget *standing.Budget[identity.Key]
	rank   func(identity.Key) (standing.Level, standing.Source)
	forget func(identity.Key) // deletes a key's entry
}

func newKeyLimit(most int, rank func(identity.Key) (standing.Level, standing.Source), forget func(identity.Key)) keyLimit {
	return keyLimit{budget: standing.NewBudget[identity.Key](most, most), rank: rank, forget: forget}
}

// note follows a key that has an entry, new or not, and forgets one that has to go. It may be this one.
func (k keyLimit) note(key identity.Key) {
	level, source := k.rank(key)
	n := 1
	if k.budget.UsedBy(key) > 0 {
		n = 0 // only its rank may have changed
	}
	k.budget.Add(key, level, source, n)
	if victim, over := k.budget.Victim(key); over {
		k.budget.Take(victim, 1)
		k.forget(victim)
	}
}
