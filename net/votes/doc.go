// Package votes holds the signed vote records of one room: proposals, ballots and cancels. Package
// vote decides what these mean and knows no signatures; this package joins it to the records that
// prove its answers. This comment specifies the files, for a verifier in any language.
//
//  1. A file is one JSON object on one line, with the keys of the section Layout in that order, no
//     white space, and a line feed at the end. It has at most 4 MiB.
//
//  2. R is a record, {"body":"…","sig":"…"}: the exact signed bytes as a JSON string with the
//     escapes of package crypto/record, rule 3, and the signature in base64 with padding. A file
//     counts only if encoding its content again gives the same bytes.
//
//  3. A file that begins with {"p2pchat": is a certificate or evidence. Any other file is read as an
//     export, whose lines begin with {"body": (package net/archive).
//
//  4. Every record is valid by the rules of package crypto/record, and its signature verifies. All
//     records name one room. feed, seq and prev are zero, and a ballot's time is [0,0].
//
//  5. The proposal has kind "proposal" and is valid by package vote, rules 1, 4, 13 and 14. Its id is
//     computed, as no file states it.
//
//  6. In a certificate each ballot approves that id. Its authors stand on the roll and ascend
//     strictly, and there are at least need of them. "ends" holds known proposals that an OFF names,
//     in its order; some may be lacking. The OFF ended those of whose roll a majority is among the
//     ballots' authors.
//
//  7. In evidence both ballots are for that id and by the same author, on the roll: first the approval,
//     then the reject.
//
// Records is state without goroutines, I/O or locks: the records, the ledger that counts them, and the dispute set.
// Vote records stand outside feeds, so no record waits for a predecessor; ballots that arrive before their proposal
// wait in the ledger, bounded. Votes adds what a running room needs: exchange with peers, persistence and events.
//
// # Layout
//
//	{"p2pchat":"certificate","v":1,"proposal":R,"ballots":[R,…],"ends":[R,…]}
//	{"p2pchat":"evidence","v":1,"proposal":R,"ballots":[R,R],"ends":[]}
package votes
