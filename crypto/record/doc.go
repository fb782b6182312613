// Package record defines the signed record: a statement by an author in a room, which every
// peer can verify. This comment is the complete format; other comments cite its rules.
//
//  1. Body. A record is a body and a signature. The body is one JSON object in UTF-8, at most
//     32,768 bytes, with exactly the keys of the section Layout in that order and no white space.
//
//  2. Nothing is optional and nothing is null. Hex digits are in lower case. seq, ms and n are
//     integers from 0 to 2^53−1, written as digits without sign, leading zero, fraction or exponent.
//
//  3. Canonical form. A reader decodes the body, encodes it again and refuses it unless the bytes
//     are equal. So every text has one encoding. `"` and `\` become `\"` and `\\`. Backspace, form
//     feed, line feed, carriage return and tab become `\b`, `\f`, `\n`, `\r` and `\t`. Other characters
//     below U+0020 become `\u00` and two hex digits in lower case. U+2028 and U+2029 become `\u2028`
//     and `\u2029`. All else stays plain UTF-8, `<`, `>`, `&`, `/` and U+007F too. That is what Go's
//     encoding/json writes without HTML escapes.
//
//  4. Signature. It is the 64-byte Ed25519 signature (RFC 8032) of "p2pchat/1/record\x00" ‖ body.
//     The id of the record is the SHA-256 of the same bytes, without the signature. Peers store and
//     forward the body as the author signed it. Verification is that of Go's crypto/ed25519: S must
//     be below the group order L, and the encoding of [S]B − [k]A must equal the 32 bytes of R. The
//     equation has no cofactor, and batch verification is not used, because it accepts other
//     signatures. As text a signature is base64 (RFC 4648 §4, with padding, the unused bits zero).
//
//  5. Keys. An author's key must be canonical: its y, without the sign bit, is below 2^255−19. Keys
//     with a small order are refused with either sign bit: y = 0, 1, −1 and the two y of order 8.
//     Anyone can sign for those. A key that is no point of the curve fails at verification.
//
//  6. Room. The id of an open room is the first 16 bytes of the SHA-256 of
//     "p2pchat/1/open-room\x00" ‖ name, with the name in UTF-8 and Unicode NFC.
//
//  7. Feeds. A feed is named by its author and feed number. Its first record has seq 0 and kind
//     "open"; no other record has either. The record of seq n has as prev the id of the record of
//     seq n−1. The prev of "open" is the id of the author's last record in an earlier feed, as far
//     as the author knows it, else zeros. Two records of one author, feed and seq with different
//     ids prove an equivocation. Outside feeds, feed, seq and prev are zero.
//
//  8. Clock. An author stamps each new record later than all its own before, and than all it has
//     received. If the wall clock, in milliseconds since 1970, is past the last ms, the stamp is
//     [now, 0]; else it is [ms, n+1] of the last stamp. A received stamp moves the clock unless it is
//     over 5 minutes ahead of the wall clock. Records are ordered by time, author, feed and seq,
//     then id.
//
//  9. Kinds. The data of "chat" and "me" (a message, and one in the third person) is {"text":…}.
//     The data of "open" and "name" (the author's name from that record on) is {"name":…}. These
//     four stand in feeds only. "proposal", "ballot" and "cancel" are vote records and belong
//     outside feeds; package vote reads them.
//
//  10. Text has at most 8,192 bytes of UTF-8 and no control characters (U+0000 to U+001F, U+007F to
//     U+009F) but line feed and tab. A name has 1 to 64 bytes and no control characters at all.
//
//  11. Other kinds are stored and forwarded. Their data is any JSON object without white space
//     outside strings. Rule 3's escapes don't bind it, null and repeated keys are allowed in it, and
//     it may nest up to 10,000 levels. In a feed, readers keep 1 MiB of records of such kinds and of
//     vote records; past that, they may keep only the ids (package net/room).
//
// # Layout
//
//	{"v":1,"room":…,"author":…,"feed":…,"seq":…,"prev":…,"time":[ms,n],"kind":…,"data":{…}}
//
//	v       the number 1
//	room    32 hex digits, see rule 6
//	author  64 hex digits: the Ed25519 public key, see rule 5
//	feed    16 hex digits, new for each feed: the milliseconds since 1970 at its beginning in 48 bits, and
//	        16 random bits; any other number is valid, too; zeros outside feeds
//	seq     integer, the record's place in the feed
//	prev    64 hex digits: the id of the record before it
//	time    [ms,n]: the hybrid logical clock, see rule 8
//	kind    1 to 32 characters of a to z and "-", see rule 9
//	data    an object, see rules 9 to 11
//
// # Reading
//
// Reading takes two steps with a type each. Parse makes a Claim, which is well-formed and canonical,
// and Claim.Verify makes the Record. So nothing unverified passes for a record.
package record
