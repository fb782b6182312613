// Package vote decides what a room has decided: a pure state machine over verified vote records.
// It has no clock, no I/O, no goroutine and no cryptography; whoever calls it has verified the
// records, keeps their signed bytes, and knows what time it is. VOTING.md is the contract; these
// are its rules as they stand here.
//
// A voter is an Ed25519 key of a native peer; guests have none. A roll is the voters of one
// proposal: strictly ascending keys, its author among them, N of them, 1 ≤ N ≤ 256, signed in the
// proposal. Slots are secure_only (action "on" or "off") and topic (the action is the topic).
//
//  1. M is computed. majority(N) = ⌊N/2⌋+1, strong(N) = max(majority(N), ⌈2N/3⌉). Secure-only on
//     and topic need majority, secure-only off needs strong. need outside [rule(N), N] is invalid.
//  2. yes = roll keys that approved; no = roll keys that rejected, minus yes. Passed when
//     |yes| ≥ M, for good. Else rejected when |no| > N−M. Else cancelled when the author's cancel is
//     known. Else open. See Count.
//  3. One ballot per key and proposal. A key that signed both is evidence; its approval counts.
//  4. closes ends prompting and signing (3 minutes by default, at most 24 hours after the
//     proposal's time). No outcome depends on it: expired is a word on the screen (Status).
//  5. Secure-only is on while a counted, passed ON stands that no passed OFF ends. An OFF ends an
//     ON that it names (≤ 64 names) if the OFF passed by strong(N) of its own roll and, of those
//     approvals, at least majority come from the ON's roll.
//  6. Counted = not in the reader's dispute set, an argument of everything that needs it. It holds
//     ONs and topics; OFFs are judged by records alone. See Proposal.ListLeftOut for what puts a
//     proposal there when it arrives; it is never recomputed later.
//  7. The topic is the deepest passed topic proposal outside the dispute set, then the one of the
//     lower id. depth = 1 + the depth of base, which is 0 unless base is a passed topic. Depth is
//     by records alone and a new proposal is made on the deepest of all, disputed or not, so a
//     vote by everybody makes everybody equal again.
//  8. The roll is the caller's to gather.
//  9. Enforcing is the caller's too: Ledger.Policy says what.
//  10. Sync: a Map {proposal → two bits per roll place, and one for cancel}; Ledger.Hash is its hash.
//     Ballots that come before their proposal wait, 256 in all, the oldest forgotten first.
//  11. Bounds: 4 proposals of one honest client open at a time, 32 prompts. Undecided proposals of
//     one author keep 64 KiB, all records of a room 16 MiB: proposals that have not passed are
//     dropped for those that have, those of the author who takes most room first. What has passed is
//     never dropped; once that alone fills the room, what is new is refused. Keys are free, so
//     somebody can fill an open room this way; he can't change what it had decided.
//
// Within the bounds, what a Ledger answers depends on the set of records given to it, never on their
// order. A proposal's number n is 1 + the highest that its author knew (≤ 999,999); two of one
// number are told apart by the start of their ids, #4·7f and #4·c2.
//
// # Data
//
// The data of the three kinds of vote record (feed, seq and prev are zero; ballots and cancels have
// time zero, so that their bytes follow from what they say), compact JSON, keys in this order:
//
//	proposal  {"n":4,"slot":"secure_only","base":"<64 hex>","ends":["<64 hex>"…],"action":"on",
//	           "roll":["<64 hex>"…],"need":2,"note":"…","closes":<ms since 1970>}
//	ballot    {"proposal":"<64 hex>","choice":"approve"}    or "reject"
//	cancel    {"proposal":"<64 hex>"}
//
// base is zeros but for a topic; ends is [] but for an OFF, which names at least one, ascending.
package vote
