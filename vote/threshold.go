package vote

// Slot is the subject of a proposal. Slots don't affect each other.
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

// Majority returns the least number of n voters that is more than half: ⌊n/2⌋+1. Two majorities of
// one roll share a voter; the seed's (n−1)/2+1 let two halves decide against each other.
func Majority(n int) int { return n/2 + 1 }

// StrongMajority returns two thirds of n voters, rounded up, and never less than a majority.
func StrongMajority(n int) int { return max(Majority(n), (2*n+2)/3) }

// Threshold returns how many approvals a proposal of this slot and action needs at least on a roll
// of n (rule 1). Loosening takes more approvals than tightening.
func Threshold(slot Slot, action string, n int) int {
	if slot == SecureOnly && action == Off {
		return StrongMajority(n)
	}
	return Majority(n)
}
