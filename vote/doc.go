// Package vote computes what a room has decided: a pure state machine over verified vote records. It
// has no clock, no I/O, no goroutine and no cryptography. Its caller verifies the records, stores
// their signed bytes and supplies the time. This comment is the complete specification; other
// comments cite its rules. Package crypto/record specifies how a record is signed.
//
// A voter is the Ed25519 key of a native peer; guests have no vote. The roll lists the voters of a
// proposal and is signed in it: N strictly ascending keys, 1 ≤ N ≤ 256, the author's among them. The
// slots are secure_only (its action is "on" or "off") and topic (its action is the topic). An ON
// switches secure-only on, an OFF switches it off.
//
//  1. Thresholds. majority(N) = ⌊N/2⌋+1, strong(N) = max(majority(N), ⌈2N/3⌉). An ON and a topic
//     need at least a majority, an OFF at least strong. A proposal names its need M, from that
//     threshold to N; any other M is invalid.
//
//  2. Tally. yes is the number of roll keys that approved. no is the number of those that rejected
//     and did not approve. A proposal is passed when yes ≥ M, for good; else rejected when
//     no > N−M; else cancelled when its author's cancel is known; else open. Ballots of other keys
//     and cancels of other authors don't count.
//
//  3. Ballots. A voter signs one ballot for a proposal, and it is final. A key that signed an
//     approval and a reject has equivocated: both records are the evidence, and the approval counts.
//
//  4. Closing. closes ends prompting and signing: 3 minutes after the proposal's time by default, at
//     most 24 hours. No outcome depends on it. "expired" is a word on the screen: see Status.
//
//  5. Secure-only is on while a counted, passed ON stands that no passed OFF ends. An OFF names the
//     ONs it ends, 1 to 64. It ends such an ON if it passed, and if its approvals contain at least
//     a majority of the ON's roll. Approvals after it passed count for that too.
//
//  6. Disputes. Each client has a dispute set of ONs and topics that don't count for it; OFFs are
//     judged by the records alone. A proposal of another author enters the set only as it arrives, in
//     two cases. Either its roll lacks a native peer that the client has been linked to for 10 seconds.
//     Or its roll lacks the client itself, and the client has been linked to its author for as long.
//     Later only users add and remove proposals.
//
//  7. Topic. The topic is the deepest passed topic proposal outside the dispute set, of equals the
//     one of the lower id. depth = 1 + the depth of base, which is 0 unless base is a passed topic.
//     Depth ignores disputes, and a new topic is based on the deepest of all, so that a vote of
//     everyone gives everyone the same topic again.
//
//  8. The caller chooses the roll of a new proposal: the linked native peers and those that they are
//     linked to.
//
//  9. The caller enforces the policy; Ledger.Policy computes it.
//
//  10. Sync. Peers compare a hash, then a map, and ask for what they lack. A map has an entry for
//     each known proposal, ascending by id: the id and ⌊(2N+8)/8⌋ bytes of bits, the lowest bit of a
//     byte first. Bit 2i is the approval of the voter at place i of the roll, bit 2i+1 that voter's
//     reject, bit 2N the cancel. The hash is the SHA-256 of "p2pchat/1/votes\x00", then for each
//     entry the id (32 bytes), the number of its bytes of bits (2 bytes, big-endian) and these. A
//     request is such a map too, with the requester's own bits; an entry without bits asks for the
//     proposal itself. The answer sends passed proposals first. Ballots and cancels that arrive
//     before their proposal wait, 256 in all, the oldest dropped first.
//
//  11. Bounds. A client has at most 4 own proposals open, and asks its user about 32 at most.
//     The open and cancelled proposals of an author keep 64 KiB, without ballots; the oldest are
//     dropped first. All records of a room keep 16 MiB. A record counts with its body and 64 bytes,
//     but with 256 at least. In a full room, proposals that have not passed are dropped, first those
//     of the author with the most bytes. A proposal that arrives with enough approvals is added
//     together with them. Passed proposals are never dropped; once they alone fill the room, new
//     records are refused. Keys are free, so an attacker can fill an open room this way, but can't
//     change what it had decided.
//
//  12. Numbers. A proposal's number is 1 + the highest that its author knew, at most 999,999. Two
//     proposals of one number are distinguished by the start of their ids: #4·7f and #4·c2.
//
//  13. Data. A vote record has kind "proposal", "ballot" or "cancel", and feed, seq and prev are
//     zero. Ballots and cancels have time [0,0], so that equal content gives equal bytes. The data
//     is canonical as in rule 3 of package crypto/record, with the keys of the section Data in that
//     order.
//
//  14. Validity of a proposal, besides rules 1 and 4. n is from 1 to 999,999. base is zeros but for a
//     topic. ends is [] but for an OFF, ascends strictly and holds no zeros. The action of a topic has
//     at most 256 bytes and the note 512: UTF-8 without control characters (U+0000 to U+001F, U+007F
//     to U+009F), maybe empty. closes is later than the record's time and below 2^53. A ballot or
//     cancel for the zero id is invalid.
//
//  15. A certificate proves that a proposal passed: the proposal and at least M approvals, by voters
//     from its roll that ascend strictly. Evidence of equivocation is the proposal and both ballots
//     of a voter. Package net/votes specifies both files.
//
// Within the bounds, the answers of a Ledger depend on the set of records given to it, never on their
// order.
//
// # Data
//
//	proposal  {"n":4,"slot":"secure_only","base":"<64 hex>","ends":["<64 hex>"…],"action":"on",
//	           "roll":["<64 hex>"…],"need":2,"note":"…","closes":<ms since 1970>}
//	ballot    {"proposal":"<64 hex>","choice":"approve"}    or "reject"
//	cancel    {"proposal":"<64 hex>"}
package vote
