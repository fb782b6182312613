package vote

// Bytes returns what the ledger charges for its records, for the test that their order doesn't matter.
func (l *Ledger) Bytes() int { return l.bytes }
