package vote

// Slot is what a proposal is about. Slots don't disturb each other.
type Slot string

// The slots of an open room.
const (
	SecureOnly Slot = "secure_only"
	Topic      Slot = "topic"
)

// The actions of SecureOnly. The action of Topic is the topic itself.
const (
	On  = "on"
	Off = "off"
)

// Majority is the least number of n voters that is more than half: ⌊n/2⌋+1. Two majorities of one
// roll share a voter; the seed's (n−1)/2+1 let two halves decide against each other.
func Majority(n int) int { return n/2 + 1 }

// StrongMajority is two thirds of n voters, rounded up, and never less than a majority.
func StrongMajority(n int) int { return max(Majority(n), (2*n+2)/3) }

// Rule is the least number of approvals that a proposal of this slot and action needs on a roll of
// n (VOTING.md rule 1): loosening takes more than tightening.
func Threshold(slot Slot, action string, n int) int {
	if slot == SecureOnly && action == Off {
		return StrongMajority(n)
	}
	return Majority(n)
}
