// Package wire is what goes over the wire between native peers, and the seed's beacon
// (DESIGN.md §4, §6). This comment is the format.
//
// # Native links
//
// TCP, TLS 1.3 with a self-signed Ed25519 certificate on both sides, ALPN "p2pchat/1". Inside it,
// both ways, frames:
//
//	offset  size  content
//	0       4     length n of the payload, big-endian; 1 ≤ n ≤ 65536, anything else closes
//	4       n     payload: UTF-8, one JSON object with one key, the tag:  {"Ping":{"n":1,…}}
//
// The first frame each way is Hello. Unknown tags and unknown fields are counted and ignored, so
// that versions can meet. Invalid UTF-8 or a payload that is not one tagged object closes the link.
//
//	tag       direction and meaning
//	Hello     first, within 10 s: who I am, this run, the rooms I am in
//	Ping      every 5 s; carries the frontier hash of each shared room
//	Pong      answers a Ping with its n and stamp
//	Heartbeat the seed's, accepted at any time: "uuid"
//	Record    one signed record, live
//	Chat      the seed's unsigned line, shown and never passed on
//	Have      cumulative acknowledgement: all of this feed up to seq is here
//	Frontier  what I hold of a room, a line a feed and a line a proposal; paged
//	Want      ranges of feeds and votes by proposal, asked of one peer at a time
//	Records   the answer to a Want, ≤ 48 KiB of records a frame
//	Peers     first-hand peers and where they listen: a hint, never an identity
//	Links     keys and round-trip times of my live links
//	Typing    latest wins
//	Bye       the reason why this link ends; what was sent before it still counts
//
// # Encodings
//
// Keys are 64 hex digits, rooms 32, feeds and instances 16, record ids 64, all in lower case; the
// head of an id is its first 8 bytes in hex. Binary values are base64 (RFC 4648 §4). Times are
// milliseconds since 1970 unless their name says otherwise; a Ping's stamp is the sender's own
// monotonic clock in nanoseconds and means nothing to others.
//
// A record travels as {"Record":{"body":"<the exact signed bytes>","sig":"<base64>"}}; what is in
// the body is package record's business.
//
// # The seed's programs over TCP
//
// In clear, JSON objects back to back, one key each, at most 64 KiB; ObjectReader finds them, DecodeSeed
// reads them. Times are in seconds; octets are arrays of numbers, or null.
//
//	Chat                  from_id, from_name, content, timestamp; signature and public_key may be there
//	SignedChat            message, signature, public_key, signer_id, signer_name, timestamp
//	IdentityAnnouncement  peer_id, name, public_key
//	Heartbeat, Exit       "uuid"
//	Discovery             as in a beacon
//	UpgradeRequest, UpgradeVote, PartialSignature: that program's own votes; not read further
//
// Signatures are Ed25519 over message ‖ ":" ‖ timestamp in decimal.
//
// # Beacons
//
// UDP 9999, one JSON object a datagram of at most 1200 bytes: Discovery and Heartbeat as the seed's
// programs send them, Discovery with more fields that those ignore, and Goodbye. See Beacon.
package wire
